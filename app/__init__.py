"""Earshot's desktop app: windows, threads, devices and the user's files. Networks live in engine/."""
