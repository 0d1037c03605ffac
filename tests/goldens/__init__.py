"""The project's own golden data, and the script that makes it with the official code."""
