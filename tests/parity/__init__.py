"""Is the engine the same as the official code? `python -m tests.parity GOLDENS_DIR` says how close, stage by stage.

A module in this folder takes part by having `CHECKS`: id prefixes of goldens.json ("encoder.") → a function that takes
the `Goldens` and one entry and yields a `Row` for each stage it compares.
"""
