"""The manual that Help opens."""
