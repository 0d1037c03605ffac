"""How a session is set up: what session.update may change, and what session.created shows."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from engine.conversation.prompting.tasks import HELPFUL
from engine.conversation.replying.tools import Tool
from engine.serving.chat_wishes import BUDGETS, MOST_TOOLS, TOOL_NAME
from engine.serving.realtime.fields import Fields
from engine.serving.realtime.sound_forms import FORMS, SPOKEN_HZ, described
from engine.transcription.languages import language_code

KINDS = ("realtime", "transcription")
EAGERNESS_MS = {"low": 1500, "medium": 800, "auto": 800, "high": 500}  # silence after which semantic_vad answers
MOST_TOKENS = 4096
_SLOWEST, _FASTEST = 0.25, 1.5
_LONGEST_SILENCE_MS = 10_000


@dataclass(frozen=True)
class TurnDetection:
    """When a client's speech begins and ends, and what happens then."""

    kind: str = "server_vad"
    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    eagerness: str = "auto"
    create_response: bool = True
    interrupt_response: bool = True

    @classmethod
    def of(cls, fields: Fields) -> TurnDetection:
        """What a client asks for. Raises ProblemError."""
        kind = fields.one_of("type", ("server_vad", "semantic_vad"), "server_vad")
        usual = cls()
        eagerness = fields.one_of("eagerness", tuple(EAGERNESS_MS), "auto")
        silence_ms = EAGERNESS_MS[eagerness] if kind == "semantic_vad" else usual.silence_duration_ms
        if kind == "server_vad":
            silence_ms = round(fields.number("silence_duration_ms", silence_ms, 100, _LONGEST_SILENCE_MS))
        return cls(
            kind,
            fields.number("threshold", usual.threshold, 0, 1),
            round(fields.number("prefix_padding_ms", usual.prefix_padding_ms, 0, 5000)),
            silence_ms,
            eagerness,
            fields.flag("create_response", True),
            fields.flag("interrupt_response", True),
        )

    def described(self) -> dict[str, Any]:
        """It, as clients read it."""
        value: dict[str, Any] = {"type": self.kind}
        if self.kind == "server_vad":
            value["threshold"] = self.threshold
            value["prefix_padding_ms"] = self.prefix_padding_ms
            value["silence_duration_ms"] = self.silence_duration_ms
            value["idle_timeout_ms"] = None
        else:
            value["eagerness"] = self.eagerness
        return value | {"create_response": self.create_response, "interrupt_response": self.interrupt_response}


@dataclass(frozen=True)
class Transcribed:
    """That what a client says is to be transcribed: the name of a model, as it said it, and the language."""

    model: str
    language: str  # as the client said it
    code: str  # "" to find out

    @classmethod
    def of(cls, fields: Fields) -> Transcribed:
        """What a client asks for. Raises ProblemError, and RequestError for an unknown language."""
        language = fields.id("language", "")
        return cls(fields.id("model", "whisper-1"), language, language_code(language) if language else "")

    def described(self) -> dict[str, Any]:
        """It, as clients read it."""
        return {"model": self.model, "language": self.language or None, "prompt": None}


@dataclass(frozen=True)
class Config:
    """A session as it is set up at the moment; a response may have parts of its own."""

    model: str
    kind: str = "realtime"
    voice: str = "default"
    modality: str = "audio"
    instructions: str = HELPFUL
    input_form: str = "audio/pcm"
    output_form: str = "audio/pcm"
    speed: float = 1.0
    transcribed: Transcribed | None = None
    detection: TurnDetection | None = TurnDetection()
    tools: tuple[Tool, ...] = ()
    may_call: bool = True
    most_tokens: int | None = None  # None: as many as there may be
    effort: str = ""

    def updated(self, fields: Fields) -> Config:
        """What it is after a client's session.update. Raises ProblemError, and RequestError for a language."""
        kind = fields.one_of("type", KINDS, self.kind)
        made = replace(self, kind=kind)._with_answers(fields)._with_input(fields.inside("audio").inside("input"))
        if "model" in fields:
            made = replace(made, model=fields.id("model", self.model))
        return made._with_output(fields.inside("audio").inside("output"))

    def for_response(self, fields: Fields) -> Config:
        """What holds for one response, by the fields of its response.create. Raises ProblemError."""
        return self._with_answers(fields)._with_output(fields.inside("audio").inside("output"))

    def _with_answers(self, fields: Fields) -> Config:
        made = self
        if "instructions" in fields:
            made = replace(made, instructions=fields.text("instructions", HELPFUL))
        if "output_modalities" in fields:
            made = replace(made, modality=_modality(fields))
        if "tools" in fields:
            made = replace(made, tools=tuple(_tool(each) for each in fields.objects("tools", MOST_TOOLS)))
        if fields.raw("tool_choice") is not None:
            made = replace(made, may_call=_may_call(fields))
        if fields.raw("max_output_tokens") is not None:
            made = replace(made, most_tokens=_most_tokens(fields))
        if fields.raw("reasoning") is not None:
            made = replace(made, effort=fields.inside("reasoning").one_of("effort", ("", *BUDGETS), ""))
        return made

    def _with_input(self, fields: Fields) -> Config:
        made = self
        if fields.raw("format") is not None:
            made = replace(made, input_form=_form(fields))
        if "transcription" in fields:
            asked = fields.raw("transcription") is not None
            made = replace(made, transcribed=Transcribed.of(fields.inside("transcription")) if asked else None)
        if "turn_detection" in fields:
            asked = fields.raw("turn_detection") is not None
            made = replace(made, detection=TurnDetection.of(fields.inside("turn_detection")) if asked else None)
        return made

    def _with_output(self, fields: Fields) -> Config:
        made = self
        if fields.raw("format") is not None:
            made = replace(made, output_form=_form(fields))
        if fields.raw("voice") is not None:
            named = isinstance(fields.raw("voice"), dict)
            made = replace(made, voice=fields.inside("voice").id("id") if named else fields.id("voice"))
        if fields.raw("speed") is not None:
            made = replace(made, speed=fields.number("speed", 1.0, _SLOWEST, _FASTEST))
        return made

    def described(self, session_id: str, expires_at: int) -> dict[str, Any]:
        """The session, as session.created and session.updated show it. What is read over is shown as it is: off."""
        detection = None if self.detection is None else self.detection.described()
        heard = {
            "format": described(self.input_form),
            "transcription": None if self.transcribed is None else self.transcribed.described(),
            "noise_reduction": None,
            "turn_detection": detection,
        }
        named = {"type": self.kind, "object": f"realtime.{self._object}", "id": session_id, "expires_at": expires_at}
        if self.kind == "transcription":
            return named | {"audio": {"input": heard}, "include": None}
        said = {"format": described(self.output_form), "voice": self.voice, "speed": self.speed}
        return named | {
            "model": self.model,
            "output_modalities": [self.modality],
            "instructions": self.instructions,
            "tools": [_shown(tool) for tool in self.tools],
            "tool_choice": "auto" if self.may_call else "none",
            "max_output_tokens": self.most_tokens or "inf",
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            "reasoning": {"effort": self.effort} if self.effort else None,
            "include": None,
            "audio": {"input": heard, "output": said},
        }

    @property
    def _object(self) -> str:
        return "session" if self.kind == "realtime" else "transcription_session"


def _modality(fields: Fields) -> str:
    wanted = fields.raw("output_modalities")
    if wanted in (["text"], ["audio"]):
        return str(wanted[0])
    if wanted is None or (isinstance(wanted, list) and sorted(map(str, wanted)) == ["audio", "text"]):
        return "audio"  # which comes with its transcript
    raise fields.wrong("output_modalities", 'is ["audio"] or ["text"]')


def _form(fields: Fields) -> str:
    form = fields.inside("format")
    kind = form.one_of("type", FORMS, "audio/pcm")
    if kind == "audio/pcm":
        form.number("rate", SPOKEN_HZ, SPOKEN_HZ, SPOKEN_HZ)
    return kind


def _may_call(fields: Fields) -> bool:
    choice = fields.raw("tool_choice")
    if choice not in ("auto", "none"):
        raise fields.wrong("tool_choice", "can be auto or none: a model is not forced to call a tool")
    return bool(choice == "auto")


def _most_tokens(fields: Fields) -> int | None:
    if fields.raw("max_output_tokens") == "inf":
        return None
    return round(fields.number("max_output_tokens", MOST_TOKENS, 1, MOST_TOKENS))


def _tool(listed: Fields) -> Tool:
    if listed.raw("type") not in (None, "function"):
        raise listed.wrong("type", "can only be function")
    name, parameters = listed.id("name"), listed.raw("parameters") or {"type": "object", "properties": {}}
    if not TOOL_NAME.fullmatch(name):
        raise listed.wrong("name", "is no name of a function")
    if not isinstance(parameters, dict) or not _writable(parameters):
        raise listed.wrong("parameters", "is no JSON schema")
    return Tool(name, listed.text("description", ""), parameters, None)


def _writable(value: dict[str, Any]) -> bool:
    """Whether it is JSON that can be written again."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _shown(tool: Tool) -> dict[str, Any]:
    return {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters}
