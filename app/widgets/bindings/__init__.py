"""Connect widgets with the controller: what it says is shown, what the user wants is asked of it."""
