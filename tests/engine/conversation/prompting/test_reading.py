"""What a reader says of the ids that may follow a prompt."""

from __future__ import annotations

import numpy as np

from engine.conversation.prompting.reading import Readable
from engine.conversation.prompting.tasks import read_aloud_prompt
from tests.fakes import SmallEngine


def test_of_two_ids_the_likelier_is_preferred_and_of_one_whether_it_is_the_likeliest(engine: SmallEngine) -> None:
    readable = Readable.alone(read_aloud_prompt(engine.vocabulary, "Hello."))
    reader = engine.new_reader()
    scores = reader._scores(readable, lambda: False)
    assert scores is not None
    first, second, third = np.argsort(-np.array(scores))[:3].tolist()
    assert reader.prefers(readable, second, third)
    assert not reader.prefers(readable, third, second)
    assert reader.prefers(readable, first, None)
    assert not reader.prefers(readable, second, None)
    assert not reader.prefers(readable, first, None, cancelled=lambda: True)
