"""Kills Earshot with SIGKILL at random moments while it works, starts it again, and compares with what was shown.

    python -m tests.campaigns [NAME ...] [--kills 50] [--seed 0]

Every kill has a seed of its own, which is printed when something was found: `--seed 17 --kills 1` repeats it.
"""
