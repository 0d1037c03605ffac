"""Model folders: what they hold, whether they can be used, loading and converting them."""
