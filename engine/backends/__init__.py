"""What a machine does differently from the plain networks, attached to them when a model is loaded.

`plain` is what a Mac takes: the networks as they are, compiled, in half precision. `cpu` and `cuda` put faster parts in
the places that the networks leave for them. `choose` is the one place that decides.
"""

from engine.backends.backend import NAMES, Backend, choose

__all__ = ["NAMES", "Backend", "choose"]
