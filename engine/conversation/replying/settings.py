"""How a session answers: persona, voice, sampling, tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.conversation.prompting.tasks import HELPFUL
from engine.conversation.replying.tools import ToolRegistry
from engine.conversation.speaking_along.pace import BURST
from engine.events import ToolCall
from engine.language import Kinds, Sampling, Vocabulary

if TYPE_CHECKING:
    from engine.speaking import Voice

TALK = Sampling(temperature=0.7, top_p=0.9, repetition_penalty=1.05)
TRANSCRIBING = Sampling(temperature=0.0)


@dataclass
class SessionSettings:
    """What may change between turns; it applies from the next turn on.

    `voice` None is the model's own. `sampling` None is what the model's folder asks for, else the official values.
    `tools` are all tools there are; a turn lists those it offers. `confirm` is asked, on the engine's thread, before a
    tool that wants it. `tool_rounds` bounds chained calls of one turn. `remember_turns` is how many earlier turns the
    model is shown at most (None: as many as its folder says, else all that fit). `own_voice` answers in the voice of
    whoever spoke, once they have spoken for three seconds. `flow_steps` None is what the model's folder asks for.
    With `pauses` a `Pause` comes after every id, for a reply that others may pass.
    """

    persona: str = HELPFUL
    voice: Voice | None = None
    sampling: Sampling | None = None
    tools: ToolRegistry = field(default_factory=ToolRegistry)
    confirm: Callable[[ToolCall], bool] | None = None
    tool_rounds: int = 4
    remember_turns: int | None = None
    own_voice: bool = False
    flow_steps: int | None = None
    seed: int | None = None
    pauses: bool = False


def turns_to_show(settings: SessionSettings, about: Mapping[str, Any]) -> int | None:
    """How many earlier turns the model is shown at most: what the settings want, and no more than its folder says.

    None is all that fit.
    """
    limits = [limit for limit in (settings.remember_turns, _number(about, "remember_turns")) if limit is not None]
    return min(limits, default=None)


def text_before_speech(about: Mapping[str, Any]) -> int:
    """How many ids of text the model writes at most before the next one of speech, by what its folder says."""
    said = _number(about, "text_before_speech")
    return BURST if said is None else said


def _number(about: Mapping[str, Any], name: str) -> int | None:
    said = about.get(name)
    return said if isinstance(said, int) and not isinstance(said, bool) and said >= 0 else None


def sampling_for(task: str, about: Mapping[str, Any], default: Sampling, vocabulary: Vocabulary) -> Sampling:
    """The sampling that the model's folder asks for in a task, else `default`; other names in it are left alone.

    Tasks: "chat" (written answers), "speech" (spoken ones, reading aloud), "transcribe", "translate". Where the folder
    says "text_certainty", a number, kinds of ids are those of the `vocabulary` (see `Kinds`).
    """
    asked = dict(about.get("sampling", {})).get(task)
    if not isinstance(asked, Mapping):
        return default
    known = {name: asked[name] for name in Sampling.__dataclass_fields__ if name in asked and name != "kinds"}
    certainty = asked.get("text_certainty")
    if isinstance(certainty, (int, float)) and certainty > 0:
        speech = vocabulary.speech
        known["kinds"] = Kinds(vocabulary.text_end, speech.start, speech.stop, float(certainty))
    return Sampling(**known)
