"""The built app on Linux, used as a person would: `make frozen`, or python -m tests.frozen PROGRAM."""
