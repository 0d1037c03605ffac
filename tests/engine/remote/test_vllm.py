"""A model behind vLLM-Omni: the same sessions, against a stand-in that answers as its sources say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import numpy as np
import pytest

from engine import samples
from engine.cli import main
from engine.conversation.prompting.chat_template import (
    SPOKEN,
    Message,
    build,
)
from engine.conversation.prompting.reading import Readable
from engine.conversation.replying.settings import SessionSettings
from engine.conversation.replying.tools import ToolRegistry, tool
from engine.conversation.replying.tools.calculator import calculator
from engine.conversation.speaking_along.voicing import Voicing
from engine.engine import Engine
from engine.errors import RemoteError, RequestError, VoiceError
from engine.events import AnswerText, EndReason, Heard, ReplyEnded, SessionEvent, Speech, ToolResult, Turn
from engine.language import Sampling
from engine.remote.address import Address
from engine.remote.vllm.model import VllmModel, connect_to_vllm
from engine.remote.vllm.server import VllmServer
from engine.speaking import Voice
from engine.transcription import Options
from tests.checkpoints import tiny_checkpoint
from tests.engine.remote.vllm_stand_in import VllmStandIn, called, serving, sound_of_tokens
from tests.hub import LocalHub, running_hub
from tests.sounds import babble

Serve = Callable[..., VllmStandIn]


@pytest.fixture(autouse=True)
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model's small files are known on this machine."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "Step-Audio-2-mini").symlink_to(tiny_checkpoint())
    monkeypatch.delenv("EARSHOT_MODEL", raising=False)
    monkeypatch.setattr("engine.checkpoints.catalogue.models_folder", lambda: tmp_path / "models")
    return tmp_path / "models" / "Step-Audio-2-mini"


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as running:

        def started(*traps: str, two_stages: bool = False, token: str = "") -> VllmStandIn:
            stand_in = VllmStandIn(tiny_checkpoint(), two_stages, frozenset(traps), token)
            server: AbstractContextManager[VllmStandIn] = serving(stand_in)
            return running.enter_context(server)

        yield started


@pytest.fixture
def connect() -> Iterator[Callable[..., VllmModel]]:
    with ExitStack() as running:

        def connected(stand_in: VllmStandIn, folders: tuple[Path, ...] = (), patience_s: float = 30.0) -> VllmModel:
            server = VllmServer(Address.of(stand_in.address), stand_in.token, patience_s)
            models = server.models()
            assert models is not None
            model = VllmModel(server, models[0], folders)
            running.callback(model.close)
            return model

        yield connected


def text_of(events: list[SessionEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, AnswerText))


def sound_in(events: list[SessionEvent]) -> np.ndarray:
    return np.concatenate([event.samples_24k for event in events if isinstance(event, Speech)])


# Conversations.


@pytest.mark.parametrize("two_stages", [False, True])
@pytest.mark.parametrize("trap", ["", "silent"])
def test_a_spoken_question_is_answered_in_a_voice_of_ours(
    serve: Serve, connect: Callable[..., VllmModel], voice_of: Callable[[VllmModel], Voice], two_stages: bool, trap: str
) -> None:
    stand_in = serve(trap, two_stages=two_stages)
    model = connect(stand_in, (tiny_checkpoint() / "token2wav",))
    stand_in.speaks("Good morning <to> you.", 30)
    settings = SessionSettings(voice=voice_of(model), seed=3)
    events = list(model.session(settings=settings).ask(Turn(samples_16k=babble(1.0))))
    assert text_of(events) == "Good morning <to> you."
    assert len(sound_in(events)) == 30 * 960
    assert isinstance(events[-1], ReplyEnded)
    assert events[-1].reason is EndReason.COMPLETE
    request = stand_in.requests[-1]
    assert request["messages"][-1] == {"role": "assistant", "content": "<tts_start>"}
    assert request["continue_final_message"] is True
    assert request["messages"][-2]["content"][0]["audio_url"]["url"].startswith("data:audio/wav;base64,")
    assert request["sampling_params_list"][0]["repetition_penalty"] == 1.05
    assert len(request["sampling_params_list"]) == 1 + two_stages


@pytest.fixture
def voice_of() -> Callable[[VllmModel], Voice]:
    """Any numbers are a voice for random weights."""

    def made(model: VllmModel) -> Voice:
        chance, config = np.random.default_rng(0), model.speaking.flow.config
        return Voice(
            "nobody",
            chance.integers(0, config.vocab_size, 25).astype(np.int32),
            chance.standard_normal(config.spk_embed_dim).astype(np.float32),
            chance.normal(-6, 2, (50, config.output_size)).astype(np.float32),
            model=model.speaking.networks.fingerprint,
        )

    return made


@pytest.mark.parametrize("trap", ["", "headers", "late"])
def test_without_networks_here_the_servers_sound_is_heard(
    serve: Serve, connect: Callable[..., VllmModel], trap: str
) -> None:
    stand_in = serve(trap, two_stages=True)
    session = connect(stand_in).session()
    for tokens in (60, 31):
        stand_in.speaks("Good morning.", tokens)
        events = list(session.ask(Turn(text="Hello?")))
        assert text_of(events) == "Good morning."
        np.testing.assert_allclose(sound_in(events), sound_of_tokens(0, tokens), atol=1e-4)
    assert stand_in.requests[-1]["audio"] == {"format": "pcm16"}
    assert "<audio_41>" in stand_in.requests[-1]["messages"][2]["content"]


@pytest.mark.parametrize("trap", ["", "late"])
def test_an_answer_that_is_cut_off_is_heard_up_to_there(
    serve: Serve, connect: Callable[..., VllmModel], trap: str
) -> None:
    stand_in = serve(trap, two_stages=True)
    stand_in.speaks("Yes.", 60)
    events = list(connect(stand_in).session().ask(Turn(text="Hello?", max_tokens=40)))
    heard = sound_in(events)
    assert isinstance(events[-1], ReplyEnded)
    assert events[-1].reason is EndReason.LENGTH
    assert 30 * 960 < len(heard) < 40 * 960
    np.testing.assert_allclose(heard, sound_of_tokens(0, len(heard) // 960), atol=1e-4)


def test_a_model_without_networks_here_warms_up(serve: Serve, connect: Callable[..., VllmModel]) -> None:
    stand_in = serve(two_stages=True)
    model = connect(stand_in)
    stand_in.speaks("Yes.", 30)
    stand_in.scripts.insert(0, [stand_in.vocabulary.eot])
    assert list(model.warming_up())
    assert not stand_in.scripts


def test_only_the_newest_answer_can_be_heard_again(serve: Serve, connect: Callable[..., VllmModel]) -> None:
    stand_in = serve(two_stages=True)
    model = connect(stand_in)
    session = model.session()
    first, second = Turn(text="Hello?"), Turn(text="And you?")
    for turn, tokens in ((first, 30), (second, 45)):
        stand_in.speaks("Good morning.", tokens)
        list(session.ask(turn))
    stand_in.says("Fine.")
    list(session.ask(Turn(text="And written?", spoken_answer=False)))
    again = list(session.speak_again(second.id))
    np.testing.assert_allclose(sound_in(again), sound_of_tokens(0, 45), atol=1e-4)
    stand_in.scripts[:] = [[stand_in.vocabulary.speech[5], stand_in.vocabulary.eot]]
    list(session.ask(Turn(text="More?")))
    with pytest.raises(RequestError, match="Only the newest answer"):
        list(session.speak_again(second.id))
    with pytest.raises(VoiceError, match="one voice of its own"):
        model.speaking.analyse(babble(3.0), 16_000, "me")


def test_an_answer_of_text_ends_although_the_server_is_stuck(serve: Serve, connect: Callable[..., VllmModel]) -> None:
    stand_in = serve("stuck", two_stages=True)
    stand_in.says("Four.")
    events = list(connect(stand_in).session().ask(Turn(text="Two and two?", spoken_answer=False)))
    assert text_of(events) == "Four."
    assert stand_in.requests[-1]["modalities"] == ["text", "audio"]
    assert stand_in.gone.wait(30)


def test_a_server_that_stays_silent_is_told(serve: Serve, connect: Callable[..., VllmModel]) -> None:
    stand_in = serve("stuck", two_stages=True)
    stand_in.scripts[:] = [stand_in.vocabulary.encode("Four")]
    session = connect(stand_in, patience_s=0.3).session()
    with pytest.raises(RemoteError, match=r"does not go on .* step_audio_2_asr\.yaml"):
        list(session.ask(Turn(text="Two and two?", spoken_answer=False)))


def test_an_interrupted_answer_ends_on_both_sides(serve: Serve, connect: Callable[..., VllmModel]) -> None:
    stand_in = serve()
    stand_in.says("one two three " * 20_000)
    session = connect(stand_in).session()
    for event in session.ask(Turn(text="Count.", spoken_answer=False)):
        if isinstance(event, AnswerText):
            session.interrupt()
    assert isinstance(event, ReplyEnded)
    assert event.reason is EndReason.INTERRUPTED
    assert stand_in.gone.wait(30)


def test_sound_that_does_not_come_can_be_interrupted(
    serve: Serve, connect: Callable[..., VllmModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = serve("mute", two_stages=True)
    stand_in.speaks("Good morning.", 40)
    session = connect(stand_in).session()
    waiting, rest = threading.Event(), Voicing.rest

    def waits(voicing: Voicing) -> Iterator[Speech]:
        waiting.set()
        yield from rest(voicing)

    def interrupt() -> None:
        waiting.wait(30)
        session.interrupt()

    monkeypatch.setattr(Voicing, "rest", waits)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    events = list(session.ask(Turn(text="Hello?")))
    interrupting.join()
    assert isinstance(events[-1], ReplyEnded)
    assert events[-1].reason is EndReason.INTERRUPTED


def test_tools_run_on_this_side(serve: Serve, connect: Callable[..., VllmModel]) -> None:
    stand_in = serve()
    vocabulary = stand_in.vocabulary
    call = called(vocabulary, 'function\ncalculator\n{"expression": "12*7"}')
    stand_in.scripts[:] = [[*call, vocabulary.eot], [*vocabulary.encode("It is 84."), vocabulary.eot]]
    settings = SessionSettings(tools=ToolRegistry([tool(calculator)]))
    turn = Turn(text="?", spoken_answer=False, allow_tools=("calculator",))
    events = list(connect(stand_in).session(settings=settings).ask(turn))
    assert [event.text for event in events if isinstance(event, ToolResult)] == ["84"]
    assert text_of(events).strip().endswith("It is 84.")
    assert [each["role"] for each in stand_in.requests[-1]["messages"]][-3:] == ["user", "assistant", "input"]


def test_what_was_said_is_transcribed_there(serve: Serve, connect: Callable[..., VllmModel]) -> None:
    stand_in = serve()
    stand_in.says("Fine.", "how are you")
    turn = Turn(samples_16k=babble(1.0), spoken_answer=False, transcribe=True)
    events = list(connect(stand_in).session().ask(turn))
    assert [event.text for event in events if isinstance(event, Heard)] == ["how are you"]


def test_windows_of_a_recording_are_transcribed_there(serve: Serve, connect: Callable[..., VllmModel]) -> None:
    stand_in = serve("stuck", two_stages=True)
    stand_in.says("one", "two")
    recognise = connect(stand_in).recogniser(Options(language="de"))
    assert [found for found in recognise([babble(1.0), babble(2.0)]) if found] == [(0, "one"), (1, "two")]
    assert "German" in str(stand_in.requests[-1]["messages"][0])


def test_whether_to_think_is_asked_of_the_server(serve: Serve, connect: Callable[..., VllmModel]) -> None:
    stand_in = serve()
    model = connect(stand_in)
    prompt = build(model.vocabulary, [Message("human", "Why?")], SPOKEN)
    readable = Readable.alone(prompt).up_to(len(prompt) - 1)
    assert model.new_reader().prefers(readable, 17, 4)
    assert stand_in.requests[-1]["sampling_params_list"][0]["allowed_token_ids"] == [17, 4]
    assert stand_in.requests[-1]["sampling_params_list"][0]["max_tokens"] == 1
    stand_in.scripts[:] = [[4], [17]]
    assert [model.new_reader().prefers(readable, 17, None) for _ in range(2)] == [False, True]


def test_an_answer_is_no_longer_than_it_may_be(serve: Serve, connect: Callable[..., VllmModel]) -> None:
    stand_in = serve()
    stand_in.says("one two three four five")
    model = connect(stand_in)
    readable = Readable.alone(build(model.vocabulary, [Message("human", "Count.")]))
    ids = list(model.new_reader().write(readable, sampling=Sampling(), end_ids=[model.vocabulary.eot], max_tokens=3))
    assert ids == model.vocabulary.encode("one two three four five")[:3]


# Connecting.


def test_a_vllm_server_is_found_by_its_answer(serve: Serve) -> None:
    stand_in = serve(token="secret")
    model = Engine.connect(stand_in.address, "secret", [])
    try:
        assert (model.name, model.place, model.context_length) == ("Step-Audio-2-mini", "127.0.0.1", 4096)
        assert not model.capabilities.speaks
    finally:
        model.close()
    with pytest.raises(RemoteError, match="asks for its token"):
        connect_to_vllm(Address.of(stand_in.address), "wrong", [])


def test_the_command_line_asks_speaks_and_transcribes_there(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.remote.connecting.installed_speech", list)
    monkeypatch.setenv("EARSHOT_TOKEN", "secret")
    stand_in = serve("stuck", two_stages=True, token="secret")
    stand_in.says("Four.")
    assert main(["ask", "--connect", stand_in.address, "Two and two?"]) == 0
    said = capsys.readouterr()
    assert said.out == "Four.\n"
    assert said.err == "Answers come from 127.0.0.1: what you say goes there.\n"
    stand_in.speaks("", 50)
    assert main(["say", "--connect", stand_in.address, "Good morning.", "-o", str(tmp_path / "said.wav")]) == 0
    np.testing.assert_allclose(samples.read(tmp_path / "said.wav", 24_000), sound_of_tokens(0, 50), atol=1e-3)
    stand_in.says("good morning")
    samples.write_wav(tmp_path / "talk.wav", babble(2.0), 16_000)
    assert main(["transcribe", "--connect", stand_in.address, str(tmp_path / "talk.wav")]) == 0
    assert "good morning" in capsys.readouterr().out


def test_a_server_with_another_template_is_told(serve: Serve, connect: Callable[..., VllmModel]) -> None:
    stand_in = serve("qwen")
    stand_in.says("Four.")
    session = connect(stand_in).session()
    with pytest.raises(RemoteError, match=r"another chat template .* step_audio_2\.jinja"):
        list(session.ask(Turn(text="Two and two?", spoken_answer=False)))


def test_an_answer_that_breaks_off_is_lost(serve: Serve, connect: Callable[..., VllmModel]) -> None:
    stand_in = serve("broken")
    stand_in.says("one two three four five six")
    session = connect(stand_in).session()
    with pytest.raises(RemoteError, match="was lost"):
        list(session.ask(Turn(text="Count.", spoken_answer=False)))
    assert not session.turns


def test_a_model_whose_vocabulary_is_unknown_is_named(serve: Serve, known: Path) -> None:
    stand_in = serve()
    stand_in.name = "company/Own-Model"
    with pytest.raises(RemoteError, match=r"Own-Model.*tokenizer\.json"):
        Engine.connect(stand_in.address, "", [])


def test_the_models_small_files_are_fetched_once(serve: Serve, known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known.unlink()
    files = {name: (tiny_checkpoint() / name).read_bytes() for name in ("config.json", "tokenizer.json")}
    stand_in = serve()
    with running_hub(LocalHub(revisions=[files])) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        for _ in range(2):
            Engine.connect(stand_in.address, "", []).close()
        assert sum("tokenizer.json" in asked.path for asked in hub.asked) == 1
