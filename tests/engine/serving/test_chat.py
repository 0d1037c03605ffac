from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile

from engine.events import AnswerText, Thinking, ThinkingEnded, ThinkingText
from engine.serving.chat_answers import Answer
from engine.serving.chat_wishes import Wishes
from tests.engine.serving.conftest import Served

ROUTE = "/v1/chat/completions"
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}},
}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def asked(client: httpx.Client, *messages: Any, **fields: Any) -> Any:
    answer = client.post(ROUTE, json={"model": "gpt-audio", "messages": messages, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]


def streamed(client: httpx.Client, *messages: Any, **fields: Any) -> list[dict[str, Any]]:
    answer = client.post(ROUTE, json={"messages": messages, "stream": True, **fields})
    *lines, done, _ = answer.text.split("\n\n")
    assert done == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def deltas(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]


def speaks(served: Served, text: str, tokens: int = 40) -> None:
    vocabulary, ids = served.engine.vocabulary, []
    speech = iter([vocabulary.speech[(41 * n) % 6561] for n in range(tokens)])
    for id in vocabulary.encode(text):
        ids += [id, *(token for _, token in zip(range(4), speech, strict=False))]
    served.llm.scripts[:] = [[*ids, *speech, vocabulary.tts_end, vocabulary.eot]]


def calls(served: Served, name: str, arguments: str) -> list[int]:
    vocabulary = served.engine.vocabulary
    inside = vocabulary.encode(f"function\n{name}\n{arguments}")
    return [vocabulary.special("<tool_call>"), *inside, vocabulary.special("</tool_call>"), vocabulary.eot]


def prompts(served: Served, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of all prompts that are read from now on."""
    from engine.conversation.prompting.reading import Reader

    read, seen = Reader.write, []

    def watched(reader: Reader, readable: Any, **options: Any) -> Any:
        seen.append(served.engine.vocabulary.decode(readable.prompt.ids))
        return read(reader, readable, **options)

    monkeypatch.setattr(Reader, "write", watched)
    return seen


def test_a_text_is_answered_whole_and_in_chunks(served: Served, client: httpx.Client) -> None:
    served.says("Hello to you.")
    choice = asked(client, user("Hello."))
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Hello to you.", "stop")
    served.says("Hello to you.")
    chunks = streamed(client, user("Hello."), stream_options={"include_usage": True})
    assert "".join(delta.get("content", "") for delta in deltas(chunks)) == "Hello to you."
    assert deltas(chunks)[0]["role"] == "assistant"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    usage = chunks[-1]["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_the_whole_conversation_is_read(served: Served, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = prompts(served, monkeypatch)
    served.says("Mara.")
    asked(
        client,
        {"role": "system", "content": "You are a butler."},
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        user("I am Mara."),
        {"role": "assistant", "content": "Good evening."},
        user([{"type": "text", "text": "Who"}, {"type": "text", "text": "am I?"}]),
    )
    (text,) = seen
    order = [
        text.index(part) for part in ("You are a butler.\n\nBe brief.", "I am Mara.", "Good evening.", "Who\nam I?")
    ]
    assert order == sorted(order)


def test_sound_in_and_sound_out(served: Served, client: httpx.Client, recording: Path) -> None:
    sound = {"data": base64.b64encode(recording.read_bytes()).decode(), "format": "wav"}
    said = user([{"type": "input_audio", "input_audio": sound}])
    wanted = {"modalities": ["text", "audio"], "audio": {"voice": "nobody", "format": "wav"}}
    speaks(served, "Good day.")
    message = asked(client, said, **wanted)["message"]
    assert message["content"] is None
    assert message["audio"]["transcript"] == "Good day."
    heard, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(message["audio"]["data"])))
    assert (len(heard), rate_hz) == (40 * 960, 24_000)
    speaks(served, "Good day.")
    chunks = streamed(client, said, **{**wanted, "audio": {"voice": "nobody", "format": "pcm16"}})
    parts = [delta["audio"] for delta in deltas(chunks) if "audio" in delta]
    assert "".join(part.get("transcript", "") for part in parts) == "Good day."
    assert len(b"".join(base64.b64decode(part.get("data", "")) for part in parts)) == 40 * 960 * 2
    assert {part["id"] for part in parts} == {parts[0]["id"]}


def test_an_answer_is_known_by_the_id_of_its_sound(
    served: Served, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaks(served, "The third of May.")
    wanted = {"modalities": ["text", "audio"], "audio": {"voice": "nobody", "format": "pcm16"}}
    audio = asked(client, user("When?"), **wanted)["message"]["audio"]
    seen = prompts(served, monkeypatch)
    served.says("Yes.")
    asked(client, user("When?"), {"role": "assistant", "audio": {"id": audio["id"]}}, user("Sure?"))
    assert "The third of May." in seen[0]


def test_a_tool_of_the_client_is_called_and_answered(
    served: Served, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.llm.scripts[:] = [calls(served, "weather", '{"place": "Oslo"}')] * 2
    choice = asked(client, user("Weather?"), tools=[WEATHER])
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("weather", {"place": "Oslo"})
    chunks = streamed(client, user("Weather?"), tools=[WEATHER])
    (told,) = [delta["tool_calls"] for delta in deltas(chunks) if "tool_calls" in delta]
    assert told[0]["function"] == call["function"]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    seen = prompts(served, monkeypatch)
    served.says("It rains in Oslo.")
    answered = {"role": "tool", "tool_call_id": call["id"], "content": "rain, 9 degrees"}
    choice = asked(client, user("Weather?"), choice["message"], answered, tools=[WEATHER])
    assert (choice["message"]["content"], choice["finish_reason"]) == ("It rains in Oslo.", "stop")
    assert '"name": "weather"' in seen[0]
    assert seen[0].index("function\nweather") < seen[0].index("rain, 9 degrees")


def test_a_tool_of_the_server_is_answered_there_and_the_client_sees_only_the_answer(
    served: Served, client: httpx.Client
) -> None:
    vocabulary = served.engine.vocabulary
    answer = [*vocabulary.encode("It is 42."), vocabulary.eot]
    served.llm.scripts[:] = [calls(served, "calculator", '{"expression": "6*7"}'), answer]
    choice = asked(client, user("6*7?"), tools=[WEATHER])
    assert (choice["message"]["content"], choice["finish_reason"]) == ("It is 42.", "stop")
    assert "tool_calls" not in choice["message"]
    served.llm.scripts[:] = [calls(served, "calculator", '{"expression": "6*7"}'), answer]
    chunks = streamed(client, user("6*7?"))
    assert not [delta for delta in deltas(chunks) if "tool_calls" in delta]


def test_no_tool_is_offered_where_none_may_be_called(
    served: Served, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = prompts(served, monkeypatch)
    served.says("No.", "Yes.")
    asked(client, user("Weather?"), tools=[WEATHER], tool_choice="none")
    asked(client, user("Weather?"), tools=[WEATHER])
    assert [('"name": "calculator"' in text, '"name": "weather"' in text) for text in seen] == [
        (False, False),
        (True, True),
    ]


def test_the_budget_ends_an_answer(served: Served, client: httpx.Client) -> None:
    served.says("One two three four five six seven eight.")
    choice = asked(client, user("Count."), max_completion_tokens=3)
    assert choice["finish_reason"] == "length"


SOUND = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "messages must be a list"),
        ({"messages": []}, "messages must be a list"),
        ({"messages": ["hello"]}, "must be an object"),
        ({"messages": [user(5)]}, "neither text nor a list"),
        ({"messages": [{"role": "pirate", "content": "a"}]}, "has a role"),
        ({"messages": [user("a"), {"role": "assistant", "content": "b"}]}, "The last message"),
        ({"messages": [user([{"type": "image_url", "image_url": {"url": "x"}}])]}, "not read here"),
        ({"messages": [user([SOUND])]}, "sound"),
        ({"messages": [user([{"type": "input_audio", "input_audio": {"data": "!"}}])]}, "base64"),
        ({"messages": [user("a"), {"role": "tool", "tool_call_id": "x", "content": "b"}]}, "answers a call"),
        ({"messages": [user("")]}, "Nothing was said"),
        ({"messages": [user("a")], "n": 2}, "n must be 1"),
        ({"messages": [user("a")], "stop": ["x"]}, "stop is not supported"),
        ({"messages": [user("a")], "temperature": "hot"}, "temperature must be"),
        ({"messages": [user("a")], "modalities": ["smell"]}, "modalities"),
        ({"messages": [user("a")], "modalities": ["audio"]}, "audio must say"),
        ({"messages": [user("a")], "tools": [{"type": "retrieval"}]}, "no function"),
        ({"messages": [user("a")], "tool_choice": "required"}, "auto or none"),
        ({"messages": [user("a")], "response_format": {"type": "json_object"}}, "no other form"),
        ({"messages": [user("a")], "seed": 1.5}, "whole number"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_sentence(
    client: httpx.Client, body: dict[str, Any], said: str
) -> None:
    for stream in (False, True):
        answer = client.post(ROUTE, json={**body, "stream": stream})
        assert answer.status_code == 400
        message = answer.json()["error"]["message"]
        assert said in message
        assert "/tmp" not in message


def test_a_client_that_goes_ends_its_reply(served: Served, client: httpx.Client) -> None:
    served.says("word " * 3000)
    read = served.llm.places_read
    with client.stream("POST", ROUTE, json={"messages": [user("Go on.")], "stream": True}) as answer:
        next(answer.iter_lines())
    served.says("I am here.")  # the next one is answered, not kept waiting for three thousand words
    assert asked(client, user("Hello?"))["message"]["content"] == "I am here."
    assert served.llm.places_read - read < 1500


def test_thoughts_are_told_beside_the_answer() -> None:
    events = [ThinkingText("Two and "), ThinkingText("two."), ThinkingEnded(0.1, 5), AnswerText("Four.", 0)]
    body = {"reasoning_effort": "low"}
    answer = Answer(wishes := Wishes.of(body, thinks=True))
    assert (wishes.thinking, wishes.thinking_budget) == (Thinking.ALWAYS, 256)
    chunks = [chunk for event in events for chunk in answer.add(event)]
    assert [delta.get("reasoning_content") for delta in deltas(chunks)] == ["Two and ", "two.", None]
    message = answer.whole()["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Four.", "Two and two.")
    assert answer.whole()["usage"]["completion_tokens_details"]["reasoning_tokens"] == 5
    assert Wishes.of(body, thinks=False).thinking is Thinking.OFF
