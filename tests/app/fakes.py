"""Stand-ins for the app's tests: an engine on a script, a sound system without devices, a permission to be set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from app.audio.devices import Device, DeviceError
from app.audio.permission import Access
from app.shown import ModelView
from engine.errors import EngineError
from engine.events import (
    AnswerText,
    EndReason,
    Heard,
    Progress,
    ReplyEnded,
    ReplyStatistics,
    Samples,
    Speech,
    ThinkingEnded,
    ThinkingText,
    ToolCall,
    ToolResult,
    Turn,
)

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


class FakeSession:
    """Plays the scripts of its engine, one for each turn."""

    def __init__(self, engine: FakeEngine, settings: Any = None, saved: Path | None = None) -> None:
        self.settings, self._engine = settings, engine
        self.known: dict[str, Turn] = {id: Turn(text="restored", id=id) for id in _saved_turns(saved)}
        self.path: tuple[str, ...] = tuple(self.known)
        self.heard: list[int] = []
        self.interrupted = threading.Event()
        self.skipped = threading.Event()

    @property
    def turns(self) -> list[Turn]:
        return [self.known[id] for id in self.path]

    @property
    def remembered(self) -> frozenset[str]:
        return frozenset(self.known)

    def turn(self, turn_id: str) -> Turn:
        return self.known[turn_id]

    def follow(self, path: Iterable[str]) -> None:
        self.path = tuple(path)
        assert set(self.path) <= self.remembered

    def remember(self, turn_id: str, turn: Turn, answer: str, transcript: str | None = None) -> None:
        self.known[turn_id] = turn

    def ask(self, turn: Turn) -> Generator[Any]:
        before = self.path
        self.interrupted.clear()
        self.skipped.clear()
        self._engine.asked.append(turn)
        assert turn.id not in self.known
        self.known[turn.id] = turn
        self.path = (*before, turn.id)
        script = self._engine.scripts.pop(0) if self._engine.scripts else reply()
        speech_s = 0.0
        for step in script:
            if isinstance(step, BaseException):
                del self.known[turn.id]
                self.path = before
                raise step
            if self.interrupted.is_set():
                break
            if callable(step):
                if isinstance(made := step(), list):  # events it made itself
                    yield from made
                continue
            if isinstance(step, Speech):
                speech_s += len(step.samples_24k) / 24_000
            yield step
        statistics = ReplyStatistics(first_text_s=0.1, first_sound_s=0.2, total_s=0.5, speech_s=speech_s)
        yield ReplyEnded(turn.id, EndReason.COMPLETE, statistics)

    def interrupt(self) -> None:
        self.interrupted.set()

    def skip_thinking(self) -> None:
        self.skipped.set()

    def played(self, turn_id: str, samples_24k_heard: int) -> None:
        self.heard.append(samples_24k_heard)
        self._engine.heard.append(samples_24k_heard)

    def forget(self, turn_ids: Iterable[str]) -> None:
        for id in turn_ids:
            self.known.pop(id, None)
        self.path = tuple(id for id in self.path if id in self.known)

    def transcribe(self, turn_id: str) -> Generator[Heard]:
        if self._engine.transcript:
            yield Heard(turn_id, self._engine.transcript)

    def speak_again(self, turn_id: str, voice: Any = None) -> Generator[Speech]:
        self._engine.voices_used.append(voice)
        yield Speech(tone(0.6), 0, 10, 0, 15)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "turns").write_text(" ".join(self.path))


def _saved_turns(saved: Path | None) -> list[str]:
    return (saved / "turns").read_text().split() if saved else []


@dataclass
class FakeEngine:
    """An engine that says what it is told to."""

    scripts: list[list[Step]] = field(default_factory=list)
    transcript: str = "what is twelve times seven"
    load_error: EngineError | None = None
    folder: Path = Path("model")
    name: str = "Fake"
    asked: list[Turn] = field(default_factory=list)
    heard: list[int] = field(default_factory=list)
    voices_used: list[Any] = field(default_factory=list)
    loads: list[Path] = field(default_factory=list)
    sessions: list[FakeSession] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    abouts: dict[str, Any] = field(default_factory=lambda: {"about": "It answers.", "try": ["One?", "Two?", "Three?"]})
    while_loading: Callable[[], object] = lambda: None
    while_warming: Callable[[], object] = lambda: None
    warm_steps: int = 2
    warmed: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    memory_bytes: int = 1_000_000
    thinks: bool = True

    @property
    def capabilities(self) -> Any:
        return SimpleNamespace(chats=True, thinks=self.thinks, speaks=True)

    @property
    def about(self) -> dict[str, Any]:
        return self.abouts

    @property
    def speaking(self) -> Any:
        return SimpleNamespace(
            voice_names=lambda: ["Mei"],
            voice=lambda name: SimpleNamespace(name=name),
            default_voice=lambda: SimpleNamespace(name="Mei"),
        )

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

    def session(self, settings: Any = None, saved: Path | None = None) -> FakeSession:
        session = FakeSession(self, settings, saved)
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
        return tuple(ModelView(name, name, current=name == current) for name in ("one", "two"))


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


def scripted(*scripts: Sequence[Step]) -> FakeEngine:
    """An engine with these replies."""
    return FakeEngine(scripts=[list(script) for script in scripts])
