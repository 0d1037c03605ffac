from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest

from tests.engine.serving.conftest import Served
from tests.engine.serving.realtime_client import code_of, realtime, said, text_of
from tests.engine.serving.test_chat import calls, prompts, speaks

WEATHER = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
}
SPOKEN = [  # what OpenAI sends for an answer with sound, in its order
    "response.created",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.done",
]


def words(prompt: str) -> str:
    """A prompt without the speech tokens between its words."""
    return re.sub(r"<audio_\d+>|<tts_end>", "", prompt)


def test_a_session_shows_how_it_is_set_up(served: Served) -> None:
    with realtime(served) as client:
        session = client.seen[0]["session"]
        assert (session["type"], session["model"], session["output_modalities"]) == (
            "realtime",
            "gpt-realtime",
            ["audio"],
        )
        assert session["audio"]["input"]["turn_detection"]["type"] == "server_vad"
        assert client.until("conversation.created")["conversation"]["object"] == "realtime.conversation"


def test_what_clients_send_by_default_is_taken(served: Served) -> None:
    with realtime(served) as client:
        session = client.update(
            instructions="Be brief.",
            tracing="auto",
            truncation={"type": "retention_ratio", "retention_ratio": 0.8},
            include=["item.input_audio_transcription.logprobs"],
            prompt=None,
            tools=[WEATHER],
            tool_choice="auto",
            parallel_tool_calls=True,
            max_output_tokens="inf",
            something_new={"of": "tomorrow"},
            audio={
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "noise_reduction": {"type": "near_field"},
                    "transcription": {"model": "gpt-4o-mini-transcribe", "language": None, "prompt": None},
                    "turn_detection": {"type": "semantic_vad", "eagerness": "high", "interrupt_response": True},
                },
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "ash", "speed": 1},
            },
        )
        assert session["instructions"] == "Be brief."
        assert [tool["name"] for tool in session["tools"]] == ["weather"]
        assert session["audio"]["input"]["turn_detection"]["eagerness"] == "high"
        assert session["audio"]["input"]["transcription"]["model"] == "gpt-4o-mini-transcribe"
        assert session["tracing"] is None  # nothing is traced, whatever a client wants
        without = client.update(audio={"input": {"turn_detection": None, "transcription": None}})
        assert without["audio"]["input"]["turn_detection"] is None
        assert without["audio"]["output"]["voice"] == "ash"


def test_a_written_answer_is_told_in_order_and_every_event_has_an_id(served: Served) -> None:
    served.says("Good day to you.")
    with realtime(served) as client:
        client.only_text()
        response = client.ask("Hello.")
        assert (response["status"], text_of(response)) == ("completed", "Good day to you.")
        assert client.kinds("response.") == [
            kind.replace("output_audio_transcript", "output_text")
            for kind in SPOKEN
            if not kind.startswith("response.output_audio.")
        ]
        deltas = [event["delta"] for event in client.seen if event["type"] == "response.output_text.delta"]
        assert "".join(deltas) == "Good day to you."
        ids = [event["event_id"] for event in client.seen]
        assert len(set(ids)) == len(ids)


def test_a_spoken_answer_is_told_in_order_with_its_sound(served: Served) -> None:
    speaks(served, "Good day.")
    with realtime(served) as client:
        response = client.ask("Hello.")
        assert client.kinds("response.") == SPOKEN
        assert text_of(response) == "Good day."
        sound = [event["delta"] for event in client.seen if event["type"] == "response.output_audio.delta"]
        assert len(b"".join(map(base64.b64decode, sound))) == 40 * 960 * 2
        usage = response["usage"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert usage["output_token_details"]["audio_tokens"] == 40


def test_what_is_said_is_found_by_the_detector_and_answered(served: Served) -> None:
    served.says("Yes.")
    with realtime(served) as client:
        client.only_text()
        client.append(np.concatenate([np.zeros(16_000, np.float32), said()]))
        response = client.until("response.done")["response"]
        started, stopped, committed = (
            next(event for event in client.seen if event["type"] == f"input_audio_buffer.{kind}")
            for kind in ("speech_started", "speech_stopped", "committed")
        )
        assert 400 <= started["audio_start_ms"] <= 1100
        assert 2000 <= stopped["audio_end_ms"] <= 2900
        assert started["item_id"] == stopped["item_id"] == committed["item_id"]
        assert client.kinds()[3:9] == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
        ]
        assert text_of(response) == "Yes."


def test_what_is_said_is_transcribed(served: Served) -> None:
    served.says("What I said.")
    detection = {"type": "server_vad", "create_response": False}
    with realtime(served) as client:
        client.update(audio={"input": {"transcription": {"model": "whisper-1"}, "turn_detection": detection}})
        client.append(said(2.0))
        told = client.until("conversation.item.input_audio_transcription.completed")
        assert told["transcript"] == "What I said."
        assert told["usage"] == {"type": "duration", "seconds": pytest.approx(2.5, abs=0.5)}
        item = client.did("conversation.item.retrieve", "conversation.item.retrieved", item_id=told["item_id"])["item"]
        (part,) = item["content"]
        assert part["transcript"] == "What I said."
        assert len(base64.b64decode(part["audio"])) > 2 * 24_000 * 2


def test_pushing_to_talk(served: Served) -> None:
    served.says("Yes.")
    with realtime(served) as client:
        client.only_text(audio={"input": {"turn_detection": None}})
        client.append(said(1.0, 0.0))
        client.did("input_audio_buffer.commit", "conversation.item.done")
        assert text_of(client.answer()) == "Yes."
        assert code_of(client, "input_audio_buffer.commit") == "input_audio_buffer_commit_empty"
        client.append(said(1.0, 0.0))
        client.did("input_audio_buffer.clear", "input_audio_buffer.cleared")
        assert code_of(client, "input_audio_buffer.commit") == "input_audio_buffer_commit_empty"


def test_the_second_turn_reads_only_what_is_new(served: Served) -> None:
    with realtime(served) as client:
        client.only_text()
        served.says("One.")
        first = client.ask("First.")["usage"]
        served.says("Two.")
        second = client.ask("Second.")["usage"]
        assert second["input_token_details"]["cached_tokens"] > first["input_tokens"]


def test_the_conversation_is_what_the_client_makes_of_it(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = prompts(served, monkeypatch)
    with realtime(served) as client:
        client.only_text(instructions="You are a butler.")
        served.says("Noted.")
        forgotten = client.write("My name is Mara.")
        client.answer()
        client.did("conversation.item.delete", "conversation.item.deleted", item_id=forgotten)
        content = [{"type": "input_text", "text": "It is late."}]
        item = {"type": "message", "role": "system", "content": content}
        client.did("conversation.item.create", "conversation.item.done", item=item, previous_item_id="root")
        answer = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I am Ada."}]}
        client.did("conversation.item.create", "conversation.item.done", item=answer)
        served.says("Good night.")
        client.ask("Who are you?")
        assert "You are a butler.\n\nIt is late." in seen[-1]
        assert "Mara" not in seen[-1]
        assert seen[-1].index("I am Ada.") < seen[-1].index("Who are you?")


def test_what_was_not_heard_was_not_said(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    speaks(served, "one two three four five six seven eight nine ten", tokens=100)
    seen = prompts(served, monkeypatch)
    with realtime(served) as client:
        item = client.ask("Count.")["output"][0]
        fields = {"item_id": item["id"], "content_index": 0, "audio_end_ms": 2000}
        client.did("conversation.item.truncate", "conversation.item.truncated", **fields)
        shown = client.did("conversation.item.retrieve", "conversation.item.retrieved", item_id=item["id"])["item"]
        (part,) = shown["content"]
        assert len(base64.b64decode(part["audio"])) == 2 * 48_000
        heard = part["transcript"]
        assert heard.startswith("one two")
        assert "ten" not in heard
        served.says("Yes.")
        client.ask("Go on?", output_modalities=["text"])
        assert heard in words(seen[-1])
        assert "ten" not in words(seen[-1]).split("Count.")[1]
        too_long = fields | {"audio_end_ms": 60_000}
        assert code_of(client, "conversation.item.truncate", **too_long) == "invalid_value"


def test_speaking_ends_the_answer_that_is_being_given(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    speaks(served, "one two three four five six seven eight nine ten " * 6, tokens=1500)
    seen = prompts(served, monkeypatch)
    with realtime(served) as client:
        client.write("Count.")
        client.did("response.create", "response.output_audio.delta")
        client.append(said(0.6, 0.0))
        response = client.until("response.done")["response"]
        assert client.kinds("input_audio_buffer.")[0] == "input_audio_buffer.speech_started"
        assert response["status"] == "cancelled"
        assert response["status_details"]["reason"] == "turn_detected"
        assert response["output"][0]["status"] == "incomplete"
        heard = text_of(response)  # no more than can have been played since the first sound was sent
        assert len(heard.split()) < 30
        served.says("Stop.")
        client.only_text(audio={"input": {"turn_detection": None}})
        client.did("input_audio_buffer.clear", "input_audio_buffer.cleared")
        client.ask("Enough.")
        assert words(seen[-1]).split("Count.")[1].count("ten") == heard.count("ten")


def test_a_response_is_cancelled_by_the_client(served: Served) -> None:
    speaks(served, "one two three four five six seven eight nine ten " * 6, tokens=1500)
    with realtime(served) as client:
        client.write("Count.")
        begun = client.did("response.create", "response.created")["response"]["id"]
        client.until("response.output_audio.delta")
        assert code_of(client, "response.create") == "conversation_already_has_active_response"
        assert code_of(client, "response.cancel", response_id="another") == "response_cancel_not_active"
        response = client.did("response.cancel", "response.done")["response"]
        assert (response["id"], response["status"]) == (begun, "cancelled")
        assert response["status_details"]["reason"] == "client_cancelled"
        assert code_of(client, "response.cancel") == "response_cancel_not_active"


def test_a_function_is_called_and_its_output_read(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.llm.scripts[:] = [calls(served, "weather", '{"place": "Oslo"}')] * 2
    seen = prompts(served, monkeypatch)
    with realtime(served) as client:
        client.only_text(tools=[WEATHER])
        response = client.ask("Weather?")
        (call,) = response["output"]
        assert (call["type"], call["name"], json.loads(call["arguments"])) == (
            "function_call",
            "weather",
            {"place": "Oslo"},
        )
        done = next(each for each in client.seen if each["type"] == "response.function_call_arguments.done")
        assert (done["call_id"], done["arguments"]) == (call["call_id"], call["arguments"])
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain, 4 degrees"}
        client.did("conversation.item.create", "conversation.item.done", item=output)
        served.says("It rains in Oslo.")
        assert text_of(client.answer()) == "It rains in Oslo."
        assert "rain, 4 degrees" in seen[-1]
        unknown = output | {"call_id": "nobody's"}
        assert code_of(client, "conversation.item.create", item=unknown) == "invalid_value"


def test_functions_are_called_one_after_the_other_in_one_turn(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the model goes on from what it wrote itself: it reads only what is new."""
    seen = prompts(served, monkeypatch)
    with realtime(served) as client:
        client.only_text(tools=[WEATHER])
        client.write("Weather?")
        for place in ("Oslo", "Rome"):
            served.llm.scripts[:] = [calls(served, "weather", json.dumps({"place": place}))]
            (call,) = client.answer()["output"]
            output = {"type": "function_call_output", "call_id": call["call_id"], "output": f"rain in {place}"}
            client.did("conversation.item.create", "conversation.item.done", item=output)
        served.says("It rains everywhere.")
        response = client.answer()
        assert text_of(response) == "It rains everywhere."
        assert seen[-1].index("rain in Oslo") < seen[-1].index("rain in Rome")
        usage = response["usage"]
        assert usage["input_token_details"]["cached_tokens"] > 0.6 * usage["input_tokens"]
        served.says("Yes.")
        assert client.ask("Sure?")["usage"]["input_token_details"]["cached_tokens"] > usage["input_tokens"]


def test_several_functions_called_at_once_all_need_an_output(served: Served) -> None:
    one = calls(served, "weather", '{"place": "Oslo"}')[:-1]
    served.llm.scripts[:] = [[*one, *calls(served, "weather", '{"place": "Rome"}')]]
    with realtime(served) as client:
        client.only_text(tools=[WEATHER])
        first, second = client.ask("Weather?")["output"]
        outputs = [
            {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"} for call in (first, second)
        ]
        client.did("conversation.item.create", "conversation.item.done", item=outputs[0])
        assert client.answer()["status"] == "failed"
        client.did("conversation.item.create", "conversation.item.done", item=outputs[1])
        served.says("Rain.")
        assert text_of(client.answer()) == "Rain."


def test_an_answer_beside_the_conversation_is_not_part_of_it(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = prompts(served, monkeypatch)
    with realtime(served) as client:
        client.only_text()
        served.says("Blue.")
        client.ask("What is the sky like?")
        served.says("A talk about the sky.")
        aside = client.answer(conversation="none", instructions="What was this about?", metadata={"of": "topics"})
        assert (text_of(aside), aside["metadata"], aside["conversation_id"]) == (
            "A talk about the sky.",
            {"of": "topics"},
            None,
        )
        assert "What is the sky like?" in seen[-1]
        content = [{"type": "input_text", "text": "And the sea?"}]
        served.says("Wet.")
        client.answer(conversation="none", input=[{"type": "message", "role": "user", "content": content}])
        assert "sky" not in seen[-1]
        served.says("Sure.")
        client.ask("Sure?")
        assert "Blue." in seen[-1]
        assert "about" not in seen[-1]
        assert "sea" not in seen[-1]


def test_a_response_without_a_word_of_the_user_follows_its_instructions(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = prompts(served, monkeypatch)
    served.says("Welcome!")
    with realtime(served) as client:
        client.only_text()
        assert text_of(client.answer(instructions="Greet the user.")) == "Welcome!"
        assert "Greet the user." in seen[-1]
        served.says("Yes.")
        client.ask("Are you there?")
        assert "Welcome!" in seen[-1]


def test_a_limit_ends_a_response_before_its_end(served: Served) -> None:
    served.says("one two three four five six seven eight nine ten")
    with realtime(served) as client:
        client.only_text()
        response = client.ask("Count.", max_output_tokens=4)
        assert (response["status"], response["status_details"]["reason"]) == ("incomplete", "max_output_tokens")


def test_a_response_that_fails_says_why(served: Served) -> None:
    with realtime(served) as client:
        client.only_text(audio={"input": {"turn_detection": None}})
        content = [{"type": "input_audio", "audio": base64.b64encode(bytes(480)).decode()}]
        item = {"type": "message", "role": "user", "content": content}
        client.did("conversation.item.create", "conversation.item.done", item=item)
        response = client.answer()
        assert response["status"] == "failed"
        assert "Nothing was said" in response["status_details"]["error"]["message"]


def test_a_transcription_session_only_transcribes(served: Served) -> None:
    served.says("What I said.")
    with realtime(served, "/v1/realtime?intent=transcription") as client:
        assert client.seen[0]["session"]["type"] == "transcription"
        client.did(
            "session.update",
            "session.updated",
            session={"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}},
        )
        client.append(said(2.0))
        told = client.until("conversation.item.input_audio_transcription.completed")
        assert told["transcript"] == "What I said."
        assert not [event for event in client.seen if event["type"].startswith("response.")]
        assert code_of(client, "response.create") == "invalid_request"


@pytest.mark.parametrize("form", ["audio/pcmu", "audio/pcma"])
def test_telephones_talk_in_their_own_form(served: Served, form: str) -> None:
    speaks(served, "Good day.")
    with realtime(served) as client:
        client.update(audio={"output": {"format": {"type": form}}})
        client.ask("Hello.")
        sound = [event["delta"] for event in client.seen if event["type"] == "response.output_audio.delta"]
        assert len(b"".join(map(base64.b64decode, sound))) == pytest.approx(40 * 320, abs=2)


def test_errors_are_events_and_the_session_goes_on(served: Served) -> None:
    with realtime(served) as client:
        assert code_of(client, "no.such.event") == "invalid_value"
        assert code_of(client, "conversation.item.retrieve", item_id="?") == "item_retrieve_invalid_item_id"
        assert code_of(client, "conversation.item.delete") == "missing_required_parameter"
        assert code_of(client, "input_audio_buffer.append", audio="%%%") == "invalid_value"
        client.send_text("{")
        assert client.until("error")["error"]["code"] == "invalid_json"
        client.send_text(b"\x00\x01")
        assert client.until("error")["error"]["code"] == "invalid_event"
        error = client.did("session.update", "error", session={"audio": {"output": {"speed": 9}}})["error"]
        assert error["param"] == "session.audio.output.speed"
        assert client.update(instructions="Still here.")["instructions"] == "Still here."
