"""Text and speech tokens become timed sound while the language model goes on writing."""
