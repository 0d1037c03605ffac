"""One window and its parts: they show state and say what the user wants, nothing else."""
