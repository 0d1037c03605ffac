"""One language model over several machines: every rank keeps a part of each matrix, and what they find is summed.

Rank 0 hears, chooses ids and speaks; the others follow what it reads. `mlx.launch` starts the processes.
"""

from engine.ranks.following import follow
from engine.ranks.group import Ranks, join
from engine.ranks.leading import LeadingModel

__all__ = ["LeadingModel", "Ranks", "follow", "join"]
