"""Earshot's engine: a synchronous library around one speech language model. No Qt, no devices, no threads."""

from engine._blas import use_fast_blas

# The one thing that happens at import: the choice of BLAS must be made before mlx is loaded (see _blas).
use_fast_blas()
