"""Another Earshot uses the model: the same sessions, while hearing, reading and writing happen behind a socket."""

from __future__ import annotations

import gc
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from websockets.sync.client import connect as open_socket

from engine import samples
from engine.cli import main
from engine.conversation.replying.settings import SessionSettings
from engine.conversation.replying.tools import ToolRegistry, tool
from engine.conversation.replying.tools.calculator import calculator
from engine.engine import AnyModel, Engine
from engine.errors import EngineError, RemoteError, RequestError
from engine.events import (
    AnswerText,
    EndReason,
    Heard,
    ReplyEnded,
    Samples,
    SessionEvent,
    Speech,
    ToolResult,
    Turn,
)
from engine.remote.address import Address
from engine.remote.earshot.connection import Connection
from engine.remote.earshot.wire import PATH, Message, numbers_bytes, samples_bytes
from engine.remote.model import RemoteModel
from engine.serving import Access, Job, Priority, Server
from engine.serving.access import Patience
from engine.serving.distance import visit
from engine.serving.distance.route import _Visiting
from engine.transcription import Finished, transcribe
from tests.engine.serving.conftest import HEADERS, TOKEN, Served, nobody
from tests.engine.serving.test_chat import calls
from tests.fuzzing.sending import all_gone
from tests.sounds import babble

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _kept_elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.getbasetemp() / "elsewhere" / "models"
    monkeypatch.setattr("engine.remote.earshot.model.models_folder", lambda: folder)


@pytest.fixture(params=["here", "there"])
def remote(served: Served, request: pytest.FixtureRequest) -> Iterator[RemoteModel]:
    """The served model, whose speech is made here or there."""
    folders = [served.engine.folder / "token2wav"] if request.param == "here" else []
    model = Engine.connect(served.server.address, TOKEN, folders)
    yield model
    model.close()


def here(served: Served, work: Callable[[Engine], T]) -> T:
    """What is done with the engine itself, on its thread."""
    done: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()

    def steps(engine: Engine, _: Job) -> Iterator[None]:
        done.put(work(engine))
        yield

    served.worker.submit(Job("here", steps, Priority.SPEAKER, lambda _: None, lambda error: error and done.put(error)))
    found = done.get(timeout=60)
    if isinstance(found, BaseException):
        raise found
    return found


def speaks(served: Served, text: str, tokens: int) -> list[int]:
    """A spoken answer, as the language model writes it."""
    vocabulary = served.engine.vocabulary
    speech = [vocabulary.speech[(41 * n) % 6561] for n in range(tokens)]
    return [*vocabulary.encode(text), *speech, vocabulary.tts_end, vocabulary.eot]


def text_of(events: list[SessionEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, AnswerText))


def sound_of(events: list[SessionEvent]) -> Samples:
    return np.concatenate([event.samples_24k for event in events if isinstance(event, Speech)])


def test_a_spoken_question_is_answered_as_it_would_be_here(served: Served, remote: RemoteModel) -> None:
    said = babble(2.0)

    def reply(model: AnyModel) -> list[SessionEvent]:
        served.says("ignored", "hello there")
        served.llm.scripts[0] = speaks(served, "Good morning to you.", 40)
        session = model.session(settings=SessionSettings(voice=nobody(served.engine), seed=3))
        return list(session.ask(Turn(samples_16k=said, transcribe=True)))

    elsewhere, alone = reply(remote), here(served, reply)
    assert text_of(elsewhere) == text_of(alone) == "Good morning to you."
    assert len(sound_of(elsewhere)) == len(sound_of(alone)) == 40 * 960
    np.testing.assert_allclose(sound_of(elsewhere)[:4800], sound_of(alone)[:4800], atol=1e-3)
    assert [event.text for event in elsewhere if isinstance(event, Heard)] == ["hello there"]
    assert isinstance(elsewhere[-1], ReplyEnded)
    assert elsewhere[-1].reason is EndReason.COMPLETE


def test_what_a_conversation_was_is_read_once(served: Served, remote: RemoteModel) -> None:
    session = remote.session()
    served.says("Four.", "Five.")
    for text in ("Two and two?", "And one?"):
        ended = list(session.ask(Turn(text=text, spoken_answer=False)))[-1]
    assert isinstance(ended, ReplyEnded)
    assert ended.statistics.reused_tokens > ended.statistics.prompt_tokens // 2


def test_tools_run_on_this_side(served: Served, remote: RemoteModel) -> None:
    served.says("ignored", "It is 84.")
    served.llm.scripts[0] = calls(served, "calculator", '{"expression": "12*7"}')
    settings = SessionSettings(tools=ToolRegistry([tool(calculator)]))
    events = list(
        remote.session(settings=settings).ask(Turn(text="?", spoken_answer=False, allow_tools=("calculator",)))
    )
    assert [event.text for event in events if isinstance(event, ToolResult)] == ["84"]
    assert text_of(events).strip().endswith("It is 84.")


def test_a_recording_is_transcribed_as_it_would_be_here(served: Served, remote: RemoteModel, recording: Path) -> None:
    served.llm.scripts.clear()
    alone = here(served, lambda engine: list(transcribe(engine, recording))[-1])
    events = list(transcribe(remote, recording))
    assert isinstance(events[-1], Finished)
    assert isinstance(alone, Finished)
    assert events[-1].transcript.segments == alone.transcript.segments


def test_an_answer_goes_on_where_it_was_when_the_connection_is_lost(served: Served, remote: RemoteModel) -> None:
    session = remote.session()
    served.says("one two three " * 400, "six seven.")
    words, cut = "", False
    for event in session.ask(Turn(text="Count.", spoken_answer=False)):
        if isinstance(event, AnswerText):
            words += event.text
            if words.startswith("one two") and not cut:
                hang_up(remote)
                cut = True
    assert isinstance(event, ReplyEnded)
    assert event.reason is EndReason.COMPLETE
    assert words.startswith("one two")
    assert words.endswith("six seven.")


def hang_up(remote: RemoteModel) -> None:
    """The network fails."""
    remote.connection()._socket.socket.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]


def test_an_interrupted_answer_ends_on_both_sides(served: Served, remote: RemoteModel) -> None:
    session = remote.session()
    served.says("one two three " * 400)
    for event in session.ask(Turn(text="Count.", spoken_answer=False)):
        if isinstance(event, AnswerText):
            session.interrupt()
    assert isinstance(event, ReplyEnded)
    assert event.reason is EndReason.INTERRUPTED
    served.says("Yes.")
    assert text_of(list(session.ask(Turn(text="Are you there?", spoken_answer=False)))) == "Yes."


def test_the_command_line_asks_and_speaks_elsewhere(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EARSHOT_TOKEN", TOKEN)
    served.says("Four.")
    assert main(["ask", "--connect", served.server.address, "Two and two?"]) == 0
    said = capsys.readouterr()
    assert said.out == "Four.\n"
    assert said.err == "Answers come from 127.0.0.1: what you say goes there.\n"
    served.says("Five.")
    assert main(["ask", "--model", served.server.address, "--quiet", "And one?"]) == 0
    assert capsys.readouterr() == ("Five.\n", "")
    nobody(served.engine).save(tmp_path / "nobody.voice")
    served.reads(50)
    wanted = ["--voice", str(tmp_path / "nobody.voice"), "-o", str(tmp_path / "said.wav")]
    assert main(["say", "--connect", served.server.address, "Good morning.", *wanted]) == 0
    assert samples.probe(tmp_path / "said.wav").duration_s == pytest.approx(2.0)
    assert all_gone(served.server), "a command ends its connection"


def test_who_is_not_let_in_hears_why(served: Served) -> None:
    with pytest.raises(RemoteError, match="asks for its token"):
        Engine.connect(served.server.address, "wrong")


def test_nobody_there_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(RemoteError, match="Nothing answers"):
        Engine.connect(f"http://127.0.0.1:{port}")


def test_a_server_of_another_kind_is_told_apart() -> None:
    server = Server([], Access(TOKEN))
    server.start()
    try:
        with pytest.raises(RemoteError, match="has no model for Earshot"):
            Engine.connect(server.address, TOKEN)
    finally:
        server.stop()


def test_speech_made_there_goes_on_when_the_connection_is_lost(served: Served) -> None:
    model = Engine.connect(served.server.address, TOKEN, [])
    served.llm.scripts[:] = [speaks(served, "Good morning to all of you.", 120), speaks(served, "", 0)]
    session = model.session(settings=SessionSettings(voice=nobody(served.engine)))
    pieces: list[Speech] = []
    for event in session.ask(Turn(text="Hello.")):
        if isinstance(event, Speech):
            pieces.append(event)
            if len(pieces) == 1:
                hang_up(model)
    assert len(pieces) > 1
    assert all(len(piece.samples_24k) == 960 * piece.tokens for piece in pieces)
    assert [piece.first_token for piece in pieces] == [
        sum(piece.tokens for piece in pieces[:number]) for number in range(len(pieces))
    ]
    model.close()


def test_speech_made_there_goes_on_after_other_voices_took_its_place(served: Served) -> None:
    model = Engine.connect(served.server.address, TOKEN, [])
    served.llm.scripts[:] = [speaks(served, "Good morning.", 30), speaks(served, "And to you.", 30)]
    voice = nobody(served.engine)
    session = model.session(settings=SessionSettings(voice=voice))
    list(session.ask(Turn(text="Hello.")))
    for _ in range(visit.MOST_SYNTHESIZERS):
        assert len(model.speaking.synthesizer(voice)(voice.speech_tokens[:5])) == 5 * 960
    assert len(sound_of(list(session.ask(Turn(text="Hello again."))))) == 30 * 960
    model.close()


def test_a_voice_that_is_warmed_up_there_says_how_long_its_pieces_take(served: Served) -> None:
    model = Engine.connect(served.server.address, TOKEN, [])
    warmed = model.speaking.synthesizer(nobody(served.engine))
    before = list(warmed.measured)
    for _ in warmed.warming_up():
        pass
    assert before == []
    assert warmed.measured
    model.close()


def test_an_answer_is_spoken_again_in_another_voice(served: Served, remote: RemoteModel) -> None:
    served.says("ignored")
    served.llm.scripts[0] = speaks(served, "Good morning.", 30)
    voice = nobody(served.engine)
    session = remote.session(settings=SessionSettings(voice=voice))
    list(session.ask(Turn(text="Hello.")))
    again = list(session.speak_again(session.path[0], replace(voice, speech_tokens=voice.speech_tokens[::-1].copy())))
    assert sum(len(piece.samples_24k) for piece in again) == 30 * 960


def test_sounds_that_are_forgotten_there_are_sent_again(
    served: Served, remote: RemoteModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "SOUND_ROOM", 0.0)
    session = remote.session(settings=SessionSettings(remember_turns=0))
    served.says("One.", "Two.", "One again.")
    for seed in (1, 2):
        list(session.ask(Turn(babble(1.0, seed), spoken_answer=False)))
    assert text_of(list(session.regenerate(session.path[0]))) == "One again."


def test_an_engine_that_was_changed_there_is_met_anew(
    served: Served, remote: RemoteModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = remote.session()
    served.says("One.", "Two.")
    list(session.ask(Turn(text="Hello.", spoken_answer=False)))
    greeted = visit.Visit._steps
    monkeypatch.setattr(visit.Visit, "_steps", lambda self, work: _as_by_another_engine(self, monkeypatch, greeted))
    assert text_of(list(session.ask(Turn(text="Hello.", spoken_answer=False)))) == "Two."


def _as_by_another_engine(there: visit.Visit, monkeypatch: pytest.MonkeyPatch, steps: Callable[..., Any]) -> Any:
    """What the visit does once its engine is not the one in use, and everything after it again as ever."""
    monkeypatch.setattr(visit.Visit, "_steps", steps)
    there._engine = None
    return steps(there, lambda engine, job: iter(()))


def test_a_machine_without_a_model_says_so(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(engine: Engine, _: Job) -> Iterator[None]:
        raise RequestError("No model is loaded.")
        yield

    monkeypatch.setattr(visit.Visit, "greet", lambda _: none)
    with pytest.raises(RemoteError, match=r"127\.0\.0\.1 refuses: No model is loaded\."):
        Engine.connect(served.server.address, TOKEN)


def test_a_reader_that_is_collected_in_the_midst_of_sending_is_forgotten_later(served: Served) -> None:
    model = Engine.connect(served.server.address, TOKEN, [])
    served.says("One.", "Two.")
    held = [model.session()]
    list(held[0].ask(Turn(text="Hello.", spoken_answer=False)))
    gone = threading.Thread(target=lambda: (held.clear(), gc.collect()), daemon=True)
    with model.connection()._socket.protocol_mutex:  # type: ignore[attr-defined]
        gone.start()
        gone.join(20)
        assert not gone.is_alive()
    assert text_of(list(model.session().ask(Turn(text="Hello.", spoken_answer=False)))) == "Two."
    model.close()


def test_what_nobody_can_ask_for_is_answered_and_harms_nothing(served: Served) -> None:
    address = Address.of(served.server.address)
    vocabulary = served.engine.vocabulary
    whole = {"reader": "r", "sounds": [], "shared": 0, "sampling": {}, "end_ids": [], "max_tokens": 3}
    whole["penalise_prompt"] = True
    ids = numbers_bytes([vocabulary.bot, 5, 6])
    wrong: list[tuple[dict[str, Any], bytes]] = [
        ({"do": "nothing"}, b""),
        ({"do": "write", **whole}, numbers_bytes([1 << 30])),
        ({"do": "write", **whole}, numbers_bytes([-1])),
        ({"do": "write", **whole}, b""),
        ({"do": "write", **whole}, b"abc"),
        ({"do": "write", **whole, "shared": 3}, ids),
        ({"do": "write", **whole, "sounds": [[0, 1, "x"]]}, ids),
        ({"do": "write", **whole, "sounds": [[2, 1, "x"]]}, ids),
        ({"do": "write", **whole, "sounds": 7}, ids),
        ({"do": "write", **whole, "sampling": {"temperature": -1}}, ids),
        ({"do": "write", **whole, "sampling": {"top_k": "x"}}, ids),
        ({"do": "write", **whole, "max_tokens": True}, ids),
        ({"do": "write", **whole, "reader": "r" * 1000}, ids),
        ({"do": "prefer", **whole, "id": 1 << 30, "other": -1}, ids),
        ({"do": "hear", "digest": "d"}, samples_bytes(np.zeros(26 * 16_000, np.float32))),
        ({"do": "hear", "digest": "d"}, samples_bytes(np.full(10, np.nan, np.float32))),
        ({"do": "recognise", "lengths": [5, 5]}, samples_bytes(np.zeros(9, np.float32))),
        ({"do": "recognise", "lengths": [9], "language": "Klingon"}, samples_bytes(np.zeros(9, np.float32))),
        ({"do": "synthesizer", "steps": 0, "seed": 0}, b"no voice"),
        ({"do": "piece", "synthesizer": 9, "size": 10, "fresh": True, "finished": True}, b""),
        ({"do": "warm", "synthesizer": 9}, b""),
        ({"do": "voice", "name": "../../x"}, b""),
    ]
    connection = Connection.open(address, TOKEN)
    assert connection is not None
    for value, data in wrong:
        with pytest.raises(EngineError):
            connection.call(value.pop("do"), data, **value).end()
    assert connection.is_open
    served.says("Yes.")
    answers = list(connection.call("write", ids, **whole | {"max_tokens": 1}).answers())
    assert len(answers) == 1
    connection.close()


def test_what_goes_wrong_unexpectedly_is_told(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection.open(Address.of(served.server.address), TOKEN)
    assert connection is not None
    monkeypatch.setattr(_Visiting, "_vocabulary", lambda _: Path("/nowhere/tokenizer.json").read_bytes())
    call = connection.call("tokenizer")
    with pytest.raises(RequestError, match="Something unexpected went wrong on the other machine"):
        list(zip(call.answers_and_waits(), range(1000), strict=False))
    connection.close()


def test_a_visitor_who_reads_nothing_is_let_go(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.server.access, "patience", Patience(reader_s=0.2))
    monkeypatch.setattr(_Visiting, "_vocabulary", lambda _: bytes(8 << 20))
    url = served.server.address.replace("http", "ws", 1) + PATH
    with open_socket(url, additional_headers=HEADERS, proxy=None, max_size=None, close_timeout=0.5) as line:
        line.recv(60)
        for number in range(1, 60):
            line.send(Message({"call": number, "do": "tokenizer"}).pack())
        assert all_gone(served.server)


@pytest.mark.parametrize("raw", [b"", b"\xff\xff\xff\xff", b"\2\0\0\0[]", "text", b"\2\0\0\0{}", b"\2\0\0\0no"])
def test_what_is_no_message_ends_the_connection_and_nothing_else(served: Served, raw: bytes | str) -> None:
    connection = Connection.open(Address.of(served.server.address), TOKEN)
    assert connection is not None
    connection._socket.send(raw)
    connection._thread.join(20)
    assert not connection.is_open
    connection.close()
    again = Connection.open(Address.of(served.server.address), TOKEN)
    assert again is not None
    again.close()
