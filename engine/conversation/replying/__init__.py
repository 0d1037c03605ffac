"""From what the language model writes to an answer: thinking, text, tool calls."""
