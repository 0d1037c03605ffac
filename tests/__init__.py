"""Tests of Earshot."""

import engine  # noqa: F401  first of all: it keeps libraries from reporting to their makers
