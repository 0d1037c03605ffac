"""The presets that come with Earshot, and what a broken one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.conversation.prompting.presets import offered, preset, presets
from engine.conversation.replying.tools.builtin import builtin_tools
from engine.conversation.replying.tools.timers import TimerService
from engine.errors import RequestError
from engine.events import Thinking


def test_the_five_presets_come_in_their_order() -> None:
    assert [each.id for each in presets()] == ["assistant", "interpreter", "sound-analyst", "reader", "coach"]


@pytest.mark.parametrize("language", ["en", "zh", "fr"])
def test_every_preset_has_a_name_and_a_persona_in_every_language(language: str) -> None:
    for each in presets():
        assert each.name(language)
        assert each.about(language)
        assert each.persona(language)
        assert "{" not in each.persona(language)


def test_the_tools_of_the_presets_exist() -> None:
    names = builtin_tools(TimerService()).names
    for each in presets():
        assert set(each.tools) <= set(names)


def test_the_interpreter_names_its_two_languages() -> None:
    interpreter = preset("interpreter")
    assert interpreter.own_voice
    assert "Japanese" in interpreter.persona("en", ("ja", "en"))
    assert "日语" in interpreter.persona("zh", ("ja", "en"))


def test_an_unknown_preset_is_a_sentence_with_those_there_are() -> None:
    with pytest.raises(RequestError, match="assistant, interpreter"):
        preset("poet")


@pytest.mark.parametrize("text", ["{", "{}", '{"id": "x", "name": {}, "about": {}, "persona": {}}'])
def test_a_broken_preset_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(RequestError, match=r"mine\.json"):
        presets(tmp_path)


def test_thinking_is_a_setting_of_a_preset() -> None:
    assert preset("assistant").thinking is Thinking.AUTO


def test_what_a_model_cannot_do_is_not_offered_with_it() -> None:
    small = {"presets_not_offered": ["coach", "interpreter"]}
    assert [each.id for each in offered(small)] == ["assistant", "sound-analyst", "reader"]
    assert offered({}) == presets() == offered({"presets_not_offered": "coach"})
    assert preset("reader", small).id == "reader"
    with pytest.raises(RequestError, match=r"no preset coach\. Choose one of: assistant, sound-analyst, reader"):
        preset("coach", small)
