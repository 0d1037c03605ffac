"""The queue of recordings that become text."""
