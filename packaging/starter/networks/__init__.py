"""The networks, in MLX and in PyTorch, with what teaches them and is thrown away."""
