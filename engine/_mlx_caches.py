"""Sizes of what MLX keeps on CUDA: plans of convolutions and of attention, and graphs of kernels.

MLX reads them once, and raises a RuntimeError when more shapes than twice its usual size were met ("cache thrashing").
Speech alone has ten sizes of pieces with eighty convolutions each.
"""

import os

SIZES = {
    "MLX_CUDA_CONV_CACHE_SIZE": "8192",
    "MLX_CUDA_GRAPH_CACHE_SIZE": "4096",
    "MLX_CUDA_SDPA_CACHE_SIZE": "2048",
    "MLX_CUDA_FFT_CACHE_SIZE": "1024",
}


def enlarge_mlx_caches() -> None:
    """Set every size that the user's environment does not set."""
    for name, size in SIZES.items():
        os.environ.setdefault(name, size)
