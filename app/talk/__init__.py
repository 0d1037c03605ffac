"""The conversation: what is said, answered, replayed and kept."""
