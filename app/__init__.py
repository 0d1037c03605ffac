"""Earshot's desktop app: windows, threads, devices and the user's files. Networks live in engine/."""

import engine  # noqa: F401  first of all: it keeps libraries from reporting to their makers
