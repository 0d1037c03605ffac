"""The one thread that owns the engine, and what runs on it."""
