"""How the starter model is made: see README.md. `packaging` has to be on Python's path."""
