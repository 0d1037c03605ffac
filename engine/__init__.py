"""Earshot's engine: a synchronous library around one speech language model. No Qt, no devices."""

from engine._blas import use_fast_blas
from engine._mlx_caches import enlarge_mlx_caches
from engine._reporting import switch_off_reporting

# Three things happen at import, because they must be so before a library is loaded: nothing reports to its maker (see
# _reporting), mlx's caches are large enough (see _mlx_caches), and the choice of BLAS is made before mlx (see _blas).
switch_off_reporting()
enlarge_mlx_caches()
use_fast_blas()
