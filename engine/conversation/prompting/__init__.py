"""From turns to the ids that the language model reads: template, persona, trimming to the context."""
