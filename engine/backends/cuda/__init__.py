"""What a CUDA device does otherwise: one kernel of ours for all that lies between two matrix products."""

from engine.backends.cuda.cuda import Cuda

__all__ = ["Cuda"]
