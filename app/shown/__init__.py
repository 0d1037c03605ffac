"""What the window shows, as small frozen values. Whoever drives the window makes these; widgets only read them."""
