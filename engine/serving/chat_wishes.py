"""What a chat request asks for besides its messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from engine.conversation.replying.tools import Tool
from engine.events import Thinking
from engine.language import Sampling
from engine.serving.bodies import flag_of, number_of, one_of, text_of
from engine.serving.problems import ProblemError
from engine.serving.sounds import MEDIA_TYPES
from engine.serving.voices import voice_name

BUDGETS = {"none": 0, "minimal": 128, "low": 256, "medium": 512, "high": 1024, "xhigh": 2048}  # ids of thinking
MOST_TOOLS = 128
_MOST_TOKENS = 16_384
_USUAL_TOKENS = 2048
TOOL_NAME = re.compile(r"[\w-]{1,64}")


@dataclass(frozen=True)
class Wishes:
    """How to answer. `form` is that of the sound, "" for none; `sampling` None is what the model's folder asks for."""

    model: str
    streamed: bool
    usage_streamed: bool
    form: str
    voice: str
    thinking: Thinking
    thinking_budget: int
    most_tokens: int
    sampling: Sampling | None
    seed: int | None
    tools: tuple[Tool, ...]  # the client's
    may_call: bool

    @classmethod
    def of(cls, body: dict[str, Any], *, thinks: bool) -> Wishes:
        """Raises ProblemError for what cannot be done."""
        _refuse_unknown(body)
        form, voice = _sound(body)
        budget = BUDGETS[one_of(body, "reasoning_effort", tuple(BUDGETS), "none")] if thinks else 0
        options = body.get("stream_options")
        limit = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
        return cls(
            text_of(body, "model", "earshot"),
            flag_of(body, "stream"),
            isinstance(options, dict) and flag_of(options, "include_usage"),
            form,
            voice,
            Thinking.ALWAYS if budget else Thinking.OFF,
            budget,
            min(round(number_of(body, limit, _USUAL_TOKENS, 1, 1e9)), _MOST_TOKENS),
            _sampling(body),
            _seed(body),
            _tools(body),
            body.get("tool_choice") != "none",
        )


def _refuse_unknown(body: dict[str, Any]) -> None:
    if number_of(body, "n", 1, 1, 128) != 1:
        raise ProblemError(400, "One answer is given at a time: n must be 1.", param="n")
    if body.get("stop"):
        raise ProblemError(400, "stop is not supported.", param="stop")
    if flag_of(body, "logprobs"):
        raise ProblemError(400, "logprobs are not supported.", param="logprobs")
    form = body.get("response_format")
    if form is not None and (not isinstance(form, dict) or form.get("type") != "text"):
        raise ProblemError(400, "Answers have no other form than text.", param="response_format")


def _sound(body: dict[str, Any]) -> tuple[str, str]:
    """Form and voice of the sound; no form where none is wanted."""
    modalities = body.get("modalities")
    if modalities is None:
        modalities = ["text"]
    if not isinstance(modalities, list) or not modalities or any(each not in ("text", "audio") for each in modalities):
        raise ProblemError(400, "modalities is a list of text and audio.", param="modalities")
    if "audio" not in modalities:
        return "", ""
    audio = body.get("audio")
    if not isinstance(audio, dict):
        raise ProblemError(400, "audio must say voice and format.", param="audio")
    return one_of(audio, "format", ("pcm16", *MEDIA_TYPES), "pcm16"), voice_name(audio.get("voice"))


def _sampling(body: dict[str, Any]) -> Sampling | None:
    if body.get("temperature") is None and body.get("top_p") is None:
        return None
    top_p = number_of(body, "top_p", 1.0, 0, 1)
    return Sampling(number_of(body, "temperature", 1.0, 0, 2), top_p=max(top_p, 1e-6), repetition_penalty=1.05)


def _seed(body: dict[str, Any]) -> int | None:
    seed = body.get("seed")
    if seed is None or (isinstance(seed, int) and not isinstance(seed, bool)):
        return seed
    raise ProblemError(400, "seed must be a whole number.", param="seed")


def _tools(body: dict[str, Any]) -> tuple[Tool, ...]:
    """The tools that the client answers."""
    listed, choice = body.get("tools"), body.get("tool_choice")
    if choice not in (None, "auto", "none"):
        raise ProblemError(400, "tool_choice can be auto or none.", param="tool_choice")
    if listed is None or choice == "none":
        return ()
    if not isinstance(listed, list) or len(listed) > MOST_TOOLS:
        raise ProblemError(400, f"tools must be a list of at most {MOST_TOOLS} tools.", param="tools")
    return tuple(_tool(f"tools[{number}]", each) for number, each in enumerate(listed))


def _tool(place: str, listed: Any) -> Tool:
    function = listed.get("function") if isinstance(listed, dict) and listed.get("type") == "function" else None
    if not isinstance(function, dict):
        raise ProblemError(400, f"{place} is no function.", param=place)
    name, parameters = text_of(function, "name"), function.get("parameters") or {"type": "object", "properties": {}}
    if not TOOL_NAME.fullmatch(name) or not isinstance(parameters, dict):
        raise ProblemError(400, f"{place} has a name or parameters that no function has.", param=place)
    return Tool(name, text_of(function, "description", ""), parameters, None)
