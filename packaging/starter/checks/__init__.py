"""What is measured while a training runs, with ears that are not ours, and drawn."""
