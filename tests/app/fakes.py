"""Stand-ins for the app's tests: a small engine whose writing is scripted (the session is the real one), a sound system
without devices, a permission to be set.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from keyring.errors import KeyringLocked

from app.audio.devices import Device, DeviceError
from app.audio.permission import Access
from app.shown.models import MachineView, ModelView
from engine.conversation.prompting.reading import SharedPrefixes
from engine.conversation.speaking_along.pace import Pace
from engine.errors import EngineError
from engine.events import AnswerText, Progress, Samples, Speech, ThinkingEnded, ThinkingText, ToolCall, ToolResult, Turn
from engine.session import Session
from engine.speaking.pieces import Pieces
from tests.fakes import SmallChunk, SmallEngine, SmallSpeaking, SmallSynthesizer

Step = Any  # an event, an exception to raise, or something to call (which may block)


def tone(seconds: float, rate_hz: int = 24_000, hz: float = 220.0) -> Samples:
    """A quiet tone."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.2 * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def reply(
    text: str = "Twelve times seven is eighty-four.", speech_s: float = 1.0, *, think: bool = False
) -> list[Step]:
    """The events of an ordinary reply."""
    steps: list[Step] = []
    if think:
        steps += [ThinkingText("Twelve by "), ThinkingText("seven."), ThinkingEnded(0.2, 4)]
    half = len(text) // 2
    steps += [AnswerText(text[:half], 0)]
    if speech_s:
        steps.append(Speech(tone(speech_s / 2), 0, half, 0, 12))
    steps.append(AnswerText(text[half:], half))
    if speech_s:
        steps.append(Speech(tone(speech_s / 2), half, len(text), 12, 12))
    return steps


def tool_steps() -> list[Step]:
    """A tool call and its result."""
    return [ToolCall("1.1", "calculator", {"expression": "12*7"}), ToolResult("1.1", "calculator", "84")]


class WatchedSession(Session):
    """The real session. Only what the networks would write comes from the scripts of its engine, one for each turn."""

    def __init__(self, engine: ScriptedEngine, settings: Any = None, saved: Path | None = None) -> None:
        super().__init__(engine, settings, saved)  # type: ignore[arg-type]
        self._small = engine
        self._reader = ScriptedReader(engine)  # type: ignore[assignment]
        self._pace = SteadyPace()

    def ask(self, turn: Turn) -> Generator[Any]:
        self._small.asked.append(turn)
        self._reader.begin(self._small.scripts.pop(0) if self._small.scripts else reply())  # type: ignore[attr-defined]
        return super().ask(turn)

    def played(self, turn_id: str, samples_24k_heard: int) -> None:
        if turn_id in self.remembered:
            self._small.heard.append(samples_24k_heard)
        super().played(turn_id, samples_24k_heard)

    def speak_again(self, turn_id: str, voice: Any = None) -> Generator[Speech]:
        self._small.voices_used.append(voice)
        return super().speak_again(turn_id, voice)

    def _thinks(self, reply: Any) -> bool:
        return self._reader.thinks  # type: ignore[attr-defined]

    def _transcript_of(self, record: Any) -> str | None:
        return None if self._interrupted.is_set() else self._small.transcribe(record)


class SteadyPace(Pace):
    """A machine that is always fast enough, however long a script waits."""

    def wrote(self, seconds: float) -> None:
        """Nothing is learned of it."""

    def spoke(self, seconds: float, tokens: int, *, along: bool = False) -> None:
        """Nothing is learned of it: no piece is put off."""


class ScriptedReader:
    """Writes what a script says, id by id: the events of a reply, exceptions to raise, things to call."""

    def __init__(self, engine: ScriptedEngine) -> None:
        self._vocabulary, self._sound = engine.vocabulary, engine.speaking.sound
        self._steps: list[Step] = []
        self._spoken = self._tokens = 0
        self.reused = 0
        self.thinks = False
        self.reads_ahead = True
        self.ahead: list[int] = []  # places of what was read ahead

    def read(self, readable: Any) -> bool:
        """All of it in one step."""
        self.ahead.append(len(readable))
        return len(readable) not in self.ahead[:-1]

    def begin(self, script: Sequence[Step]) -> None:
        """What is written for the next turn."""
        self._steps = list(script)
        self._spoken = self._tokens = 0  # samples at 24 kHz, and speech tokens
        self._sound.clear()
        self.thinks = any(isinstance(step, ThinkingText) for step in script)

    def forget(self) -> None:
        """Nothing was read."""

    def write(self, readable: Any, *, cancelled: Callable[[], bool], **_options: Any) -> Iterator[int]:
        """One message: up to the end of the thinking, a call, or the script."""
        words = self._vocabulary
        while self._steps and not cancelled():
            step = self._steps.pop(0)
            if isinstance(step, BaseException):
                raise step
            if callable(step):
                if isinstance(made := step(), list):  # more steps
                    self._steps[:0] = made
                continue
            for id in self._ids_of(step):
                if cancelled():
                    return
                yield id
            if isinstance(step, ThinkingEnded | ToolCall):
                break
        if not cancelled():
            yield words.eot

    def _ids_of(self, step: Step) -> list[int]:
        words = self._vocabulary
        match step:
            case ThinkingText(text) | AnswerText(text):
                return words.encode(text)
            case ThinkingEnded():
                return words.encode("</think>")
            case Speech(samples):
                self._sound.append(samples)
                self._spoken += len(samples)
                count = round(self._spoken / 960) - self._tokens
                self._tokens += count
                return [words.speech[200]] * count
            case ToolCall(_, name, arguments):
                inside = words.encode(f"function\n{name}\n{json.dumps(arguments)}")
                return [words.special("<tool_call>"), *inside, words.special("</tool_call>")]
        return []  # a result: the tool itself gives it


class QuickSynthesizer(SmallSynthesizer):
    """The sound of the script, 40 ms for each token, in small pieces."""

    pieces = Pieces((5,))
    look_ahead = 0

    def __init__(self, voice: object, sound: Callable[[], Samples]) -> None:
        super().__init__(voice)
        self._sound = sound

    def step(self, size: int) -> SmallChunk | None:
        first, count = self._done, self.take(size)
        self._done += count
        return SmallChunk(self._sound()[first * 960 :][: count * 960], first, count)


class FakeSpeaking(SmallSpeaking):
    """One voice of its own; it says what the newest script holds."""

    def __init__(self) -> None:
        super().__init__()
        self.sound: list[Samples] = []

    def voice_names(self) -> list[str]:
        return ["Mei"]

    def voice(self, name: str) -> Any:
        return SimpleNamespace(name=name)

    def default_voice(self) -> Any:
        return self.voice("Mei")

    def synthesizer(self, voice: object, **_options: Any) -> QuickSynthesizer:
        return QuickSynthesizer(voice, lambda: np.concatenate([*self.sound, np.zeros(960, np.float32)]))


@lru_cache
def _networks() -> SmallEngine:
    return SmallEngine()


class ScriptedEngine(SmallEngine):
    """A small engine that says what it is told to."""

    def __init__(
        self,
        scripts: list[list[Step]] | None = None,
        transcript: str = "what is twelve times seven",
        load_error: EngineError | None = None,
        folder: Path = Path("model"),
        name: str = "Fake",
        thinks: bool = True,
        about: dict[str, Any] | None = None,
        warm_steps: int = 2,
    ) -> None:
        self.__dict__.update(_networks().__dict__)
        self.shared_prefixes = SharedPrefixes()
        self.speaking = FakeSpeaking()
        self.scripts, self.transcript, self.load_error = scripts or [], transcript, load_error
        self.folder, self.name = folder, name
        self.capabilities = SimpleNamespace(chats=True, thinks=thinks, speaks=True)
        self.asked: list[Turn] = []
        self.heard: list[int] = []
        self.voices_used: list[Any] = []
        self.loads: list[Path] = []
        self.sessions: list[WatchedSession] = []
        self.threads: set[str] = set()
        self.about = about or {"about": "It answers.", "try": ["One?", "Two?", "Three?"]}
        self.warm_steps = warm_steps
        self.warmed: list[tuple[str, str, tuple[str, ...]]] = []
        self.while_warming: Callable[[], object] = lambda: None
        self.while_loading: Callable[[], object] = lambda: None
        self.transcribe: Callable[[Any], str] = lambda _record: self.transcript
        self.memory_bytes = 1_000_000

    def loader(self, folder: Path, insist: bool) -> Iterator[Progress]:
        self.threads.add(threading.current_thread().name)
        self.loads.append(folder)
        yield Progress("read", 1, 2, "bytes")
        self.while_loading()
        if self.load_error:
            raise self.load_error
        yield Progress("read", 2, 2, "bytes")
        self.folder, self.name = folder, folder.name
        return self

    def session(self, settings: Any = None, saved: Path | None = None) -> WatchedSession:
        session = WatchedSession(self, settings, saved)
        self.sessions.append(session)
        return session

    def warming_up(self, settings: Any, tools: tuple[str, ...]) -> Iterator[Progress]:
        """Steps that the test lets go on, each noted."""
        for done in range(self.warm_steps):
            self.warmed.append((threading.current_thread().name, settings.persona, tools))
            self.while_warming()
            yield Progress("warming", done, 0)

    def close(self) -> None:
        """Nothing to give back."""


class FakeCatalogue:
    """Two models."""

    def best(self) -> Path:
        return Path("one")

    def installed(self, current: str) -> tuple[ModelView, ...]:
        return tuple(ModelView(name, name, current=name == current, fingerprint=name) for name in ("one", "two"))

    def machine(self) -> MachineView:
        return MachineView()


class FakeKeychain:
    """The system's keychain, which keeps what it is given while the test lasts, and may be locked."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        """A secret."""
        self._check()
        return self.kept.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep one."""
        self._check()
        self.kept[username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Forget one."""
        self._check()
        del self.kept[username]

    def _check(self) -> None:
        if self.locked:
            raise KeyringLocked("locked")


class FakePermission:
    """The system's answer, to be set by the test."""

    def __init__(self, access: Access = Access.GRANTED, answer: Access = Access.GRANTED) -> None:
        self._access, self._answer = access, answer

    def access(self) -> Access:
        return self._access

    def ask(self, answered: Callable[[], None]) -> None:
        self._access = self._answer
        answered()


@dataclass
class FakeStream:
    """An open device."""

    rate_hz: int
    device: str
    lost: bool = False
    latency_s: float = 0.0
    longest_gap_s: float = float("inf")
    closed: bool = False

    def close(self) -> None:
        self.closed = True


class FakeSound:
    """A sound system whose time is driven by the test: `speak` feeds the microphone, `listen` empties the playback."""

    def __init__(self) -> None:
        self.devices_in = [Device("Built-in Microphone", 48_000, 1, True)]
        self.devices_out = [Device("Built-in Output", 48_000, 2, True)]
        self.plugged_in, self.plugged_out = list(self.devices_in), list(self.devices_out)  # listed after a refresh
        self.on_block: Callable[[Samples], None] = lambda block: None
        self.fill: Callable[[Samples], None] = lambda out: None
        self.input: FakeStream | None = None
        self.output: FakeStream | None = None
        self.refreshed = 0
        self.streams: list[FakeStream] = []
        self.open_while_refreshed: list[str] = []  # PortAudio frees the streams that are open then
        self.input_error: DeviceError | None = None

    def inputs(self) -> list[Device]:
        return self.devices_in

    def outputs(self) -> list[Device]:
        return self.devices_out

    busy = False

    def refresh(self) -> bool:
        self.refreshed += 1
        self.open_while_refreshed += [stream.device for stream in self.streams if not stream.closed]
        self.devices_in, self.devices_out = list(self.plugged_in), list(self.plugged_out)
        return True

    def fingerprint(self) -> bytes:
        return repr((self.plugged_in, self.plugged_out)).encode()

    def open_input(self, device: Device, on_block: Callable[[Samples], None]) -> FakeStream:
        if self.input_error:
            raise self.input_error
        self.on_block, self.input = on_block, FakeStream(device.rate_hz, device.name)
        self.streams.append(self.input)
        return self.input

    def open_output(self, device: Device, fill: Callable[[Samples], None]) -> FakeStream:
        self.fill, self.output = fill, FakeStream(device.rate_hz, device.name)
        self.streams.append(self.output)
        return self.output

    def speak(self, samples_48k: Samples) -> None:
        for block in np.array_split(samples_48k, max(len(samples_48k) // 480, 1)):
            self.on_block(block.astype(np.float32))

    def listen(self, seconds: float) -> Samples:
        """What the loudspeaker plays next."""
        out = np.zeros(round(seconds * 48_000), np.float32)
        for start in range(0, len(out), 480):
            self.fill(out[start : start + 480])
        return out


def scripted(*scripts: Sequence[Step]) -> ScriptedEngine:
    """An engine with these replies."""
    return ScriptedEngine(scripts=[list(script) for script in scripts])
