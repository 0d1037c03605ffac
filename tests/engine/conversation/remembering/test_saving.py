"""A conversation on disk and back: equal, atomic, and a sentence for whatever is wrong with it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest

from engine.conversation.replying.settings import SessionSettings
from engine.conversation.replying.tools import ToolRegistry, tool
from engine.conversation.replying.tools.calculator import calculator
from engine.errors import StorageError
from engine.events import Thinking, Turn
from engine.language import Sampling
from engine.session import Session
from tests.fakes import SmallEngine, tone


@pytest.fixture(scope="module")
def engine() -> SmallEngine:
    return SmallEngine()


def settings() -> SessionSettings:
    return SessionSettings(sampling=Sampling(temperature=0.0), tools=ToolRegistry([tool(calculator)]))


@pytest.fixture
def talked(engine: SmallEngine) -> Session:
    """A session with a spoken, a thinking, a tool and an interrupted turn."""
    vocabulary = engine.vocabulary
    session = Session(engine, settings())
    list(session.ask(Turn(samples_16k=tone(0.777), max_tokens=40, transcribe=True)))
    list(session.ask(Turn(text="你好", thinking=Thinking.ALWAYS, thinking_budget=6, max_tokens=40)))
    inside = vocabulary.encode('function\ncalculator\n{"expression": "1/3"}')
    marks = vocabulary.special("<tool_call>"), vocabulary.special("</tool_call>")
    engine.llm.scripts.append([marks[0], *inside, marks[1], vocabulary.eot])
    list(session.ask(Turn(text="a third?", allow_tools=("calculator",), max_tokens=60)))
    engine.llm.scripts.append([vocabulary.encode("I")[0], *vocabulary.speech[:80]])
    stream = session.ask(Turn(samples_16k=np.round(tone() * 32768).astype(np.float32) / 32768))
    for _ in range(3):
        next(stream)
    stream.close()
    return session


def test_a_saved_conversation_comes_back_as_it_was(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    talked.save(tmp_path)
    restored = Session(engine, settings(), saved=tmp_path)
    assert len(restored.turns) == 4
    for one, other in zip(talked.turns, restored.turns, strict=True):
        assert one.passages == other.passages
        assert (one.text, one.transcript, one.thinking, one.reason) == (
            other.text,
            other.transcript,
            other.thinking,
            other.reason,
        )
        assert one.statistics == other.statistics
        assert one.pieces == other.pieces
        assert one.speech_tokens.tolist() == other.speech_tokens.tolist()
        np.testing.assert_array_equal(one.samples_16k, other.samples_16k)


def test_it_goes_on_with_the_same_ids(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    talked.save(tmp_path)
    restored = Session.restore(engine, tmp_path, settings())
    for session in (talked, restored):
        list(session.ask(Turn(text="go on", max_tokens=30)))
    assert talked.turns[-1].passages == restored.turns[-1].passages


def test_a_past_reply_can_be_spoken_after_restoring(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    talked.save(tmp_path)
    restored = Session(engine, settings(), saved=tmp_path)
    again = [speech.samples_24k for speech in restored.speak_again(restored.path[3])]
    assert sum(map(len, again)) == 960 * len(talked.turns[3].speech_tokens)


def test_arrays_are_no_sound_files_and_old_ones_go(talked: Session, tmp_path: Path) -> None:
    talked.save(tmp_path)
    first = {path.name for path in tmp_path.iterdir()}
    talked.forget(talked.path[:1])
    talked.save(tmp_path)
    second = {path.name for path in tmp_path.iterdir()}
    assert len(first) == len(second) == 2
    assert first != second
    assert not any(path.suffix == ".wav" for path in tmp_path.iterdir())


def test_a_crash_before_the_last_step_leaves_the_old_conversation(
    talked: Session, engine: SmallEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talked.save(tmp_path)
    talked.forget(talked.path[:1])
    real = Path.replace

    def fails(self: Path, target: Path) -> Path:
        if Path(target).name == "session.json":
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(StorageError, match="disk is full"):
        talked.save(tmp_path)
    monkeypatch.undo()
    assert len(Session(engine, saved=tmp_path).turns) == 4


def test_another_models_ids_come_back_as_text(talked: Session, engine: SmallEngine, tmp_path: Path) -> None:
    talked.save(tmp_path)
    file = tmp_path / "session.json"
    file.write_text(file.read_text().replace('"vocabulary": "', '"vocabulary": "other '))
    restored = Session(engine, settings(), saved=tmp_path)
    assert [turn.answer for turn in restored.turns] == [turn.answer for turn in talked.turns]
    assert all(len(turn.speech_tokens) == 0 for turn in restored.turns)
    list(restored.ask(Turn(text="go on", max_tokens=10)))


def test_a_folder_without_a_conversation_is_a_sentence(engine: SmallEngine, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no saved conversation: session\.json"):
        Session(engine, saved=tmp_path)


@pytest.mark.parametrize("damage", ["json", "arrays", "no arrays", "newer", "shape", "key"])
def test_a_damaged_conversation_is_a_sentence(
    talked: Session, engine: SmallEngine, tmp_path: Path, damage: str
) -> None:
    talked.save(tmp_path)
    file, arrays = tmp_path / "session.json", next(tmp_path.glob("arrays-*.npz"))
    values = json.loads(file.read_text())
    if damage == "json":
        file.write_text(file.read_text()[:-200])
    elif damage == "arrays":
        arrays.write_bytes(arrays.read_bytes()[:-300])
    elif damage == "no arrays":
        arrays.unlink()
    elif damage == "newer":
        file.write_text(json.dumps(values | {"format": 99}))
    elif damage == "shape":
        file.write_text(json.dumps(values | {"turns": 5}))
    else:
        file.write_text(json.dumps({"format": 1}))
    with pytest.raises(StorageError) as error:
        Session(engine, saved=tmp_path)
    assert str(tmp_path) in str(error.value)


def test_a_flipped_bit_anywhere_in_the_arrays_is_a_sentence(
    talked: Session, engine: SmallEngine, tmp_path: Path
) -> None:
    talked.save(tmp_path)
    arrays = next(tmp_path.glob("arrays-*.npz"))
    whole = arrays.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 200)):
        arrays.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with contextlib.suppress(StorageError):  # what lies between the arrays means nothing
            Session(engine, saved=tmp_path)


def test_text_that_is_no_unicode_is_kept(engine: SmallEngine, tmp_path: Path) -> None:
    session = Session(engine)
    list(session.ask(Turn(text="half \ud800 a sign", spoken_answer=False, max_tokens=5)))
    session.save(tmp_path)
    assert Session(engine, saved=tmp_path).turns[0].text == "half \ud800 a sign"
