"""Damaged files against whatever reads files from outside, in a process with limits.

What is asked of a reader: it takes the file or raises an EngineError; it ends, and takes at most twice the file plus
500 MB of memory. To add one, write a module with

    def read(path: Path) -> object: ...             # calls the real reader; a function of a module, so that the
                                                     # process of its own finds it
    def make(folder: Path) -> Iterable[Seed]: ...   # whole, small inputs for it: Seed(file) or Seed(folder, "a.json")

    READER = Reader("config.json", read, make, damages=(*JSON_DAMAGES, *DAMAGES))

and two tests: `assert_sound([READER], 30, tmp_path)` beside the reader's other tests (part of `make test`), and
`assert_sound([READER], 2_000, tmp_path)` in tests/quality (`make quality`). `refuses` lists further exceptions that
are a good answer, for readers that are not the engine's.

Case 17 of a reader is the same in every run; `assert_sound` names the number of each case that failed, and
`reproduce(READER, 17, folder)` makes its input again, to be read under a debugger.
"""

from tests.fuzzing.campaign import Fault, Reader, Report, Seed, assert_sound, reproduce, run_campaign
from tests.fuzzing.damages import DAMAGES, JSON_DAMAGES, Damage, damage_value
from tests.fuzzing.worker import Limits, Outcome, Worker

__all__ = [
    "DAMAGES",
    "JSON_DAMAGES",
    "Damage",
    "Fault",
    "Limits",
    "Outcome",
    "Reader",
    "Report",
    "Seed",
    "Worker",
    "assert_sound",
    "damage_value",
    "reproduce",
    "run_campaign",
]
