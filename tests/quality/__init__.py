"""How well the bundled starter model hears, answers and speaks: slow, and not part of `make test`."""
