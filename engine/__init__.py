"""Earshot's engine: a synchronous library around one speech language model. No Qt, no devices, no threads."""

from engine._blas import use_fast_blas
from engine._reporting import switch_off_reporting

# Two things happen at import, because they must be so before a library is loaded: nothing reports to its maker (see
# _reporting), and the choice of BLAS is made before mlx (see _blas).
switch_off_reporting()
use_fast_blas()
