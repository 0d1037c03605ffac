"""Earshot's engine: a synchronous library around one speech language model. No Qt, no devices."""

from engine._blas import use_fast_blas
from engine._mlx_settings import set_up_mlx
from engine._reporting import switch_off_reporting

# Three things happen at import, because they must be so before a library is loaded: nothing reports to its maker (see
# _reporting), mlx is set up (see _mlx_settings), and the choice of BLAS is made before mlx (see _blas).
switch_off_reporting()
set_up_mlx()
use_fast_blas()
