"""What MLX reads once from the environment: how exact float32 is, and the sizes of what it keeps on CUDA.

An NVIDIA device and an M5 round the factors of float32 products to ten bits unless they are told otherwise: the
rounding of a vocoder that multiplies so is 51 dB below loud sound, and replies are as fast without it.

On CUDA it keeps plans of convolutions and of attention, and graphs of kernels, and raises a RuntimeError when more
shapes than twice its usual size were met ("cache thrashing"). Speech alone has ten sizes of pieces with eighty
convolutions each. It submits kernels by twenties, or fewer where they read much, and waits a little between two
submissions: with a hundred at once an H200 writes 265 ids a second, not 264.
"""

import os
import sys

EXACT = {"MLX_ENABLE_TF32": "0"}
SIZES = {
    "MLX_CUDA_CONV_CACHE_SIZE": "8192",
    "MLX_CUDA_GRAPH_CACHE_SIZE": "4096",
    "MLX_CUDA_SDPA_CACHE_SIZE": "2048",
    "MLX_CUDA_FFT_CACHE_SIZE": "1024",
}
SUBMITTED_AT_ONCE = {"MLX_MAX_OPS_PER_BUFFER": "100", "MLX_MAX_MB_PER_BUFFER": "100000"}  # Metal has better ones


def set_up_mlx() -> None:
    """Set everything that the user's environment does not set."""
    everywhere = EXACT | SIZES
    for name, value in (everywhere if sys.platform == "darwin" else everywhere | SUBMITTED_AT_ONCE).items():
        os.environ.setdefault(name, value)
