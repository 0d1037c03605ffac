"""Prompts built from records equal the official ones, and their keys tell what may be reused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from engine.conversation.prompting.chat_template import SPOKEN, THINKING, Variant
from engine.conversation.prompting.prompts import Prompts
from engine.conversation.prompting.reading import common_length
from engine.conversation.prompting.trimming import ShownTurn
from engine.conversation.remembering.records import Passage, TurnRecord
from engine.events import Samples, ToolCall, ToolResult, Turn
from engine.language import Vocabulary
from tests.fakes import small_hearing, small_vocabulary, tone

SHARED = Path(__file__).resolve().parents[5] / "shared"


class CountedHearing:
    """Gives each sound as many embeddings as the golden prompt has patches."""

    def __init__(self, counts: list[int]) -> None:
        self._counts = iter(counts)

    def listen(self, samples_16k: Samples) -> tuple[mx.array, ...]:
        return (mx.zeros((next(self._counts), 4)),)


@pytest.fixture(scope="module")
def goldens() -> dict[str, Any]:
    file = SHARED / "goldens" / "goldens.json"
    if not file.exists():
        pytest.skip("no recorded prompts of the official code beside the repository")
    return {entry["id"]: entry.get("values") for entry in json.loads(file.read_text())["entries"]}


def runs(ids: list[int], patch: int) -> list[int]:
    """Lengths of the runs of patch ids."""
    return [len(list(run)) for id, run in groupby(ids) if id == patch]


def records(messages: list[dict[str, Any]]) -> tuple[str, str, list[TurnRecord]]:
    """Persona, schemas and turns from the official form of messages."""
    persona = tools = ""
    turns: list[TurnRecord] = []
    for message in messages:
        role, content = message["role"], message["content"]
        parts = content if isinstance(content, list) else []
        text = content if isinstance(content, str) else "".join(p.get("text", "") for p in parts if p["type"] == "text")
        if role == "system":
            persona = text
        elif role == "tool_json_schemas":
            tools = text
        elif role in ("human", "user"):
            sound = np.zeros(16, np.float32) if any(part["type"] == "audio" for part in parts) else None
            turns.append(TurnRecord(Turn(samples_16k=sound, text=text)))
        elif role == "assistant" and content is not None and message.get("eot", True):
            ids = next((tuple(part["token"]) for part in parts if part["type"] == "token"), ())
            turns[-1] = TurnRecord(turns[-1].request, passages=(Passage(True, ids, "x"),))
        elif role == "input":
            passage = turns[-1].passages[0]
            result = ToolResult("1", "search", parts[0]["text"])
            passage = Passage(True, passage.ids, "", (ToolCall("1", "search", {}),), (result,))
            turns[-1] = TurnRecord(turns[-1].request, passages=(passage,))
    return persona, tools, turns


@pytest.fixture(scope="module")
def published() -> Vocabulary:
    """The published tokenizer."""
    if not (SHARED / "reference" / "Step-Audio-2-mini").is_dir():
        pytest.skip("the published tokenizer is not beside the repository")
    return Vocabulary.load(SHARED / "reference" / "Step-Audio-2-mini")


@pytest.mark.parametrize(
    ("name", "opening"),
    [
        ("prompts.text_chat", ""),
        ("prompts.tts", SPOKEN),
        ("prompts.audio_then_text", ""),
        ("prompts.multi_turn_speech", SPOKEN),
        ("prompts.multi_turn_speech_then_text", ""),
        ("prompts.tool_call_1", SPOKEN),
        ("prompts.tool_call_2", SPOKEN),
        ("prompts.think_1", THINKING),
    ],
)
def test_the_prompts_of_a_session_are_the_official_ones(
    goldens: dict[str, Any], published: Vocabulary, name: str, opening: str
) -> None:
    vocabulary, values = published, goldens[name]
    persona, tools, turns = records(values["messages"])
    hearing = CountedHearing(runs(values["ids"], vocabulary.audio_patch))
    prompts = Prompts(vocabulary, hearing, Variant.CHAT)  # type: ignore[arg-type]
    assert list(prompts.build(persona, tools, shown(turns), opening).prompt.ids) == values["ids"]


def shown(records: Sequence[TurnRecord]) -> list[ShownTurn]:
    return [ShownTurn(record) for record in records]


def heard(samples: Samples, **changes: Any) -> TurnRecord:
    return TurnRecord(Turn(samples_16k=samples), **changes)


def test_a_sound_is_encoded_once_and_known_by_its_keys() -> None:
    prompts = Prompts(small_vocabulary(), small_hearing(), Variant.CHAT)
    first, second = shown([heard(tone(1)), heard(tone(1))])
    one = prompts.build("p", "", [first], "")
    again = prompts.build("p", "", [first], "")
    other = prompts.build("p", "", [second], "")
    assert one.keys == again.keys
    assert one.sounds[0] is again.sounds[0]
    assert one.prompt.ids == other.prompt.ids
    assert common_length(one.keys, other.keys) == one.prompt.sounds[0].start


def test_a_sound_left_out_is_read_as_its_transcript() -> None:
    vocabulary = small_vocabulary()
    prompts = Prompts(vocabulary, small_hearing(), Variant.CHAT)
    record = heard(tone(1), transcript="good morning")
    text = vocabulary.decode(prompts.build("p", "", [ShownTurn(record, with_sound=False)], "").prompt.ids)
    assert text == "<|BOT|>system\np<|EOT|><|BOT|>human\ngood morning<|EOT|><|BOT|>assistant\n"


def test_what_conversations_share_is_the_system_prompt_and_the_tools() -> None:
    vocabulary = small_vocabulary()
    prompts = Prompts(vocabulary, small_hearing(), Variant.CHAT)
    readable = prompts.build("calm", "[]", shown([TurnRecord(Turn(text="hi"))]), "")
    shared = vocabulary.decode(readable.prompt.ids[: readable.shared])
    assert shared == "<|BOT|>system\ncalm<|EOT|><|BOT|>tool_json_schemas\n[]<|EOT|><|BOT|>"


def test_a_turn_that_has_not_changed_is_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary, encoded = small_vocabulary(), []
    encode = vocabulary.encode
    monkeypatch.setattr(vocabulary, "encode", lambda text: encoded.append(text) or encode(text))
    prompts = Prompts(vocabulary, small_hearing(), Variant.CHAT)
    turns = shown([TurnRecord(Turn(text=f"question {key}")) for key in range(20)])
    first = prompts.build("calm", "", turns, "")
    encoded.clear()
    turns.append(ShownTurn(TurnRecord(Turn(text="one more"))))
    second = prompts.build("calm", "", turns, "")
    assert first.prompt.ids == (*second.prompt.ids[: len(first) - len(encode("assistant\n"))], *encode("assistant\n"))
    assert sorted(text for text in encoded if text) == ["assistant\n", "human\none more", "system\ncalm"]


def test_a_turn_that_has_changed_is_read_as_it_is_now() -> None:
    vocabulary = small_vocabulary()
    prompts = Prompts(vocabulary, small_hearing(), Variant.CHAT)
    result = ToolResult("1", "clock", "noon")
    called = Passage(
        False, tuple(vocabulary.encode("let me see")), "let me see", (ToolCall("1", "clock", {}),), (result,)
    )
    record = TurnRecord(Turn(text="when?"), passages=(called,))

    def text(persona: str, *records: TurnRecord) -> str:
        return vocabulary.decode(prompts.build(persona, "", shown(records), "").prompt.ids)

    assert "let me see" in text("p", record)
    assert "spoken words" in text("p", record)
    assert "spoken words" not in text("你好", record)
    shorter = TurnRecord(record.request, passages=())
    assert "let me see" not in text("p", shorter)
    assert "let me see" in text("p", record)
