"""Installed and published models, downloads, tool servers."""
