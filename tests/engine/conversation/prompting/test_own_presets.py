from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.conversation.prompting.own_presets import OwnPresets, find_preset, own_preset
from engine.errors import RequestError

TEACHER = own_preset("own-1", "Maestra", "You teach {Italian} at 100 %.", "Ada", ("calculator",))


def test_a_preset_comes_back_as_it_was_made(tmp_path: Path) -> None:
    presets = OwnPresets(tmp_path / "presets")
    assert presets.list() == []
    presets.keep(TEACHER)
    presets.keep(own_preset("own-2", "another", "Be short.", "", ()))
    assert [each.name() for each in presets.list()] == ["another", "Maestra"]
    found = presets.list()[1]
    assert found == TEACHER
    assert found.persona() == "You teach {Italian} at 100 %."
    assert (found.voice, found.tools) == ("Ada", ("calculator",))
    presets.remove("own-2")
    presets.remove("own-2")
    assert presets.list() == [TEACHER]


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": "one"},
        {"id": "own-2"},
        {"persona": {"en": "Unpaired {"}},
        {"persona": {"en": "{0[0]}"}},
        {"settings": {"voice": 3}},
        {"settings": {"tools": [3]}},
        {"settings": {"thinking": "hard"}},
        {"settings": {"unknown": 1}},
    ],
)
def test_what_cannot_be_read_is_left_alone_and_not_offered(tmp_path: Path, change: dict[str, object]) -> None:
    presets = OwnPresets(tmp_path)
    presets.keep(TEACHER)
    file = tmp_path / "own-1.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    before = file.read_bytes()
    assert presets.list() == []
    assert file.read_bytes() == before


def test_a_preset_is_found_by_its_name_or_id_before_the_built_in_ones(tmp_path: Path) -> None:
    OwnPresets(tmp_path).keep(TEACHER)
    assert find_preset("maestra", tmp_path) == TEACHER
    assert find_preset("own-1", tmp_path) == TEACHER
    assert find_preset("assistant", tmp_path).id == "assistant"
    with pytest.raises(RequestError, match=r"There is no preset nobody\. Choose one of: .*\. Your own: Maestra\."):
        find_preset("nobody", tmp_path)
    with pytest.raises(RequestError, match=r"Choose one of: [^.]*\.$"):
        find_preset("nobody", tmp_path / "none")
