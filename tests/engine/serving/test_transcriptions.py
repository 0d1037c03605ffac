from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from engine.samples import write_wav
from engine.serving import Job, Priority, forms, transcriptions
from engine.serving.scribe import Scribe
from tests.engine.serving.conftest import Served
from tests.sounds import babble, silence

ROUTE = "/v1/audio/transcriptions"


def asked(client: httpx.Client, path: Path, route: str = ROUTE, **fields: Any) -> httpx.Response:
    with path.open("rb") as file:
        return client.post(route, files={"file": (path.name, file)}, data={"model": "whisper-1", **fields})


def sent_events(answer: httpx.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def test_text_comes_in_every_form(served: Served, client: httpx.Client, recording: Path) -> None:
    answers = {}
    for form in ("json", "text", "srt", "vtt"):
        served.says("Good morning.")
        answers[form] = asked(client, recording, response_format=form)
        assert answers[form].status_code == 200
    assert answers["json"].json()["text"] == "Good morning."
    assert answers["text"].text == "Good morning.\n"
    assert answers["srt"].text.startswith("1\n00:00:00,")
    assert answers["vtt"].text.startswith("WEBVTT")


def test_a_segment_has_all_ten_fields_with_what_the_model_was_sure_of(
    served: Served, client: httpx.Client, recording: Path
) -> None:
    served.says("Good morning.")
    (segment,) = asked(client, recording, response_format="verbose_json").json()["segments"]
    names = "id seek start end text tokens temperature avg_logprob compression_ratio no_speech_prob"
    assert set(segment) == set(names.split())
    assert segment["tokens"] == served.engine.vocabulary.encode("Good morning.")
    assert segment["avg_logprob"] == pytest.approx(0.0, abs=1e-3)  # the script leaves the model no doubt
    assert 0 <= segment["no_speech_prob"] < 0.5
    served.llm.scripts[:] = [None]
    (segment,) = asked(client, recording, response_format="verbose_json").json()["segments"]
    assert segment["avg_logprob"] < -0.01


def test_a_stream_says_each_segment_and_then_all(served: Served, client: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "two.wav"
    write_wav(path, np.concatenate([babble(2.0), silence(3.0), babble(2.0, seed=2)]), 16_000)
    served.says("Good morning.", "Good night.")
    first, second, done = sent_events(asked(client, path, stream="true"))
    assert (first["type"], first["delta"]) == ("transcript.text.delta", "Good morning.")
    assert second["delta"] == " Good night."
    assert (done["type"], done["text"]) == ("transcript.text.done", "Good morning. Good night.")


def test_windows_of_two_clients_are_decoded_together(
    served: Served, client: httpx.Client, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together: list[int] = []
    original = Scribe._next

    def watched(scribe: Any) -> Any:
        found = original(scribe)
        if found is not None:
            together.append(len(found[1]))
        return found

    monkeypatch.setattr(Scribe, "_next", watched)
    held, begun = threading.Event(), threading.Event()

    def hold(engine: Any, job: Job) -> Any:
        begun.set()
        assert held.wait(30)
        yield None

    served.worker.submit(Job("hold", hold, Priority.SPEAKER, lambda _: None, lambda _: None))
    assert begun.wait(30)
    served.says("One.", "One.", "One.")
    answers: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(asked(client, recording))) for _ in range(3)]
    for thread in threads:
        thread.start()
    waiting = _scribe(served)._waiting
    for _ in range(3000):
        if sum(map(len, waiting.values())) == 3:
            break
        threading.Event().wait(0.01)
    held.set()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [200] * 3
    assert together == [3]


def _scribe(served: Served) -> Any:
    routes = served.server.application.routes
    (route,) = (route for route in routes if getattr(route, "path", "") == ROUTE)
    return route.endpoint.__self__._transcribing.scribe


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"response_format": "docx"}, "response_format is one of"),
        ({"language": "tlh"}, "does not know the language"),
        ({"timestamp_granularities[]": "word"}, "of segments, not of words"),
    ],
)
def test_what_cannot_be_done_is_said(client: httpx.Client, recording: Path, fields: dict[str, str], said: str) -> None:
    answer = asked(client, recording, **fields)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_a_file_that_is_no_sound_is_named_without_its_folder(client: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "letter.wav"
    path.write_bytes(b"Dear Mara, this is no sound at all.")
    for stream in ("false", "true"):
        answer = asked(client, path, stream=stream)
        assert answer.status_code == 400
        message = answer.json()["error"]["message"]
        assert message.startswith("letter.wav")
        assert "/" not in message


def test_more_than_an_hour_is_refused_before_anything_is_heard(
    client: httpx.Client, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcriptions, "MOST_SOUND_S", 1.0)
    answer = asked(client, recording)
    assert answer.status_code == 413
    assert "one hour" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["../../passwd", "a\x01b", "x" * 500 + ".wav", "", "/etc/shadow", ".hidden"])
def test_no_name_of_a_file_leads_out_of_its_folder(name: str) -> None:
    made = forms._harmless(name)
    assert made
    assert "/" not in made
    assert not made.startswith(".")
    assert len(made) <= 60


def test_nothing_is_left_on_the_disk(
    served: Served, client: httpx.Client, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    served.says("Good morning.", "Good morning.")
    assert asked(client, recording).status_code == 200
    assert sent_events(asked(client, recording, stream="true"))
    assert not list(tmp_path.iterdir())
