"""Sizes of what MLX keeps on CUDA: plans of convolutions and of attention, and graphs of kernels.

MLX reads them once, and raises a RuntimeError when more shapes than twice its usual size were met ("cache thrashing").
Speech alone has ten sizes of pieces with eighty convolutions each. It submits kernels by twenties, or fewer where they
read much, and waits a little between two submissions: with a hundred at once an H200 writes 265 ids a second, not 264.
"""

import os
import sys

SIZES = {
    "MLX_CUDA_CONV_CACHE_SIZE": "8192",
    "MLX_CUDA_GRAPH_CACHE_SIZE": "4096",
    "MLX_CUDA_SDPA_CACHE_SIZE": "2048",
    "MLX_CUDA_FFT_CACHE_SIZE": "1024",
}
SUBMITTED_AT_ONCE = {"MLX_MAX_OPS_PER_BUFFER": "100", "MLX_MAX_MB_PER_BUFFER": "100000"}  # Metal has better ones


def enlarge_mlx_caches() -> None:
    """Set every size that the user's environment does not set."""
    for name, size in (SIZES if sys.platform == "darwin" else SIZES | SUBMITTED_AT_ONCE).items():
        os.environ.setdefault(name, size)
