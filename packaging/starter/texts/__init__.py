"""What is talked about, heard and read aloud, and how a conversation is laid out for the model."""
