"""What a conversation remembers: its turns, and how they are saved."""
