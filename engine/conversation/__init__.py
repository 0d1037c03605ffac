"""What is said in a conversation and how it reaches the language model: prompts, replies, history, tools."""
