from __future__ import annotations

import pytest

from engine.errors import RequestError
from engine.transcription.languages import english_name, language_code


@pytest.mark.parametrize("name", ["zh", "ZH", "zh-CN", "zh_Hans", "Chinese", "chinese "])
def test_a_language_can_be_named_in_any_form(name: str) -> None:
    assert language_code(name) == "zh"


def test_an_unknown_language_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(RequestError, match=r"does not know the language 'Elvish': choose one of ar, de, en"):
        language_code("Elvish")


def test_names_are_those_of_the_prompts() -> None:
    assert english_name("zh") == "Chinese"
    assert english_name("tlh") == "tlh"
