"""What a CUDA device does differently: one kernel of ours for all that lies between two matrix products."""

from engine.backends.cuda.cuda import Cuda

__all__ = ["Cuda"]
