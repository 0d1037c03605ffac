"""The official Python client, unchanged, on every HTTP route, whole and streamed."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Address, words
from openai import AuthenticationError, BadRequestError, OpenAI

Say = Callable[[str], bytes]
Hear = Callable[..., str]
QUESTION = "What is twelve times seven?"


@pytest.fixture(scope="module")
def question(say: Say) -> bytes:
    return say(QUESTION)


def spoken(sound: bytes) -> dict[str, Any]:
    part = {"type": "input_audio", "input_audio": {"data": base64.b64encode(sound).decode(), "format": "wav"}}
    return {"role": "user", "content": [part]}


def test_any_name_is_a_model(openai: OpenAI) -> None:
    assert [model.owned_by for model in openai.models.list()] == ["earshot"]
    assert openai.models.retrieve("whisper-1").id == "whisper-1"


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav"])
def test_what_is_said_in_every_form_is_heard(openai: OpenAI, hear: Hear, form: Any) -> None:
    with openai.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input=QUESTION, response_format=form
    ) as answer:
        sound = b"".join(answer.iter_bytes())
    assert hear(sound, f"said.{form}") == words(QUESTION)


def test_speech_as_events(openai: OpenAI) -> None:
    answer = openai.audio.speech.create(
        model="tts-1", voice="alloy", input=QUESTION, response_format="pcm", stream_format="sse"
    )
    kinds = [json.loads(line[6:])["type"] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert set(kinds[:-1]) == {"speech.audio.delta"}
    assert kinds[-1] == "speech.audio.done"


def test_every_form_of_a_transcript(openai: OpenAI, question: bytes) -> None:
    def made(form: Any) -> Any:
        return openai.audio.transcriptions.create(model="whisper-1", file=("q.wav", question), response_format=form)

    assert words(made("text")) == words(QUESTION)
    assert made("srt").startswith("1\n00:00:00")
    assert made("vtt").startswith("WEBVTT")
    verbose = made("verbose_json")
    (segment,) = verbose.segments
    assert set(segment.model_dump()) == {
        *("id", "seek", "start", "end", "text", "tokens"),
        *("temperature", "avg_logprob", "compression_ratio", "no_speech_prob"),
    }
    assert segment.tokens
    assert -2 < segment.avg_logprob <= 0  # this model may have no doubt at all
    assert 0 < segment.no_speech_prob < 0.5
    assert made("diarized_json").segments[0].speaker == "Speaker 1"


def test_a_streamed_transcript(openai: OpenAI, question: bytes) -> None:
    events = list(openai.audio.transcriptions.create(model="whisper-1", file=("q.wav", question), stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert words(events[-1].text) == words(QUESTION)


def test_a_translation_is_answered(openai: OpenAI, question: bytes) -> None:
    assert openai.audio.translations.create(model="whisper-1", file=("q.wav", question)).text


def test_a_spoken_conversation(openai: OpenAI, question: bytes, say: Say, hear: Hear) -> None:
    """Asked aloud, answered aloud, and asked again about something else, the sound of the answer named by its id."""
    wanted: dict[str, Any] = {
        "model": "gpt-audio",
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
    }
    first = openai.chat.completions.create(messages=[spoken(question)], **wanted).choices[0].message
    assert re.search("84|eighty four", words(first.audio.transcript))
    assert re.search("84|eighty four", hear(base64.b64decode(first.audio.data)))
    messages = [
        spoken(question),
        {"role": "assistant", "audio": {"id": first.audio.id}},
        spoken(say("What is the capital of France?")),
    ]
    sound, transcript = b"", ""
    wanted["audio"] = {"voice": "alloy", "format": "mp3"}
    for chunk in openai.chat.completions.create(messages=messages, stream=True, **wanted):
        audio = (chunk.choices[0].delta.model_dump().get("audio") or {}) if chunk.choices else {}
        sound += base64.b64decode(audio.get("data") or "")
        transcript += audio.get("transcript") or ""
    assert "paris" in words(transcript)
    assert "paris" in hear(sound, "answer.mp3")


def test_written_answers_thoughts_and_usage(openai: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": QUESTION}]
    answer = openai.chat.completions.create(model="gpt-5", messages=messages, reasoning_effort="low")
    assert re.search("84|eighty four", words(answer.choices[0].message.content or ""))
    assert answer.choices[0].message.model_dump()["reasoning_content"]
    text, usage = "", None
    for chunk in openai.chat.completions.create(
        model="gpt-5", messages=messages, stream=True, stream_options={"include_usage": True}
    ):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = chunk.usage or usage
    assert re.search("84|eighty four", words(text))
    assert usage is not None
    assert usage.completion_tokens > 0


def test_a_tool_of_the_client_is_called(openai: OpenAI, address: Address) -> None:
    show = "import json; from engine.conversation.replying.tools import calculator, tool; "
    show += "print(json.dumps(tool(calculator.calculator).schema))"
    schema = subprocess.run([address.python, "-c", show], cwd=ROOT, capture_output=True, check=True)
    tools: Any = [json.loads(schema.stdout)]  # of a tool that the starter was taught
    messages: list[Any] = [{"role": "user", "content": "What is 123 times 45?"}]
    message = openai.chat.completions.create(model="x", messages=messages, tools=tools).choices[0].message
    assert message.tool_calls, message
    (call,) = message.tool_calls
    assert "123" in json.loads(call.function.arguments)["expression"]
    messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "5535"}]
    last = openai.chat.completions.create(model="x", messages=messages, tools=tools).choices[0]
    assert last.finish_reason == "stop"
    assert last.message.content


def test_errors_are_those_of_the_client(openai: OpenAI, address: Address) -> None:
    with pytest.raises(BadRequestError, match="input is empty"):
        openai.audio.speech.create(model="tts-1", voice="alloy", input=" ")
    with pytest.raises(AuthenticationError):
        OpenAI(base_url=address.url, api_key="nobody", max_retries=0).models.list()


def test_the_example_in_the_documentation_runs(address: Address, question: bytes, tmp_path: Path, hear: Hear) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "server.md").read_text(), re.S)
    (tmp_path / "question.wav").write_bytes(question)
    example = example.replace("http://127.0.0.1:8765/v1", address.url).replace("TOKEN", repr(address.token))
    example = re.sub(r'"(question\.wav|morning\.mp3)"', lambda name: repr(str(tmp_path / name[1])), example)
    exec(compile(example, "docs/server.md", "exec"), {})
    assert hear((tmp_path / "morning.mp3").read_bytes(), "morning.mp3").startswith("good morning")
