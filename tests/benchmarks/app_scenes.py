"""One scene of the app's benchmark, in a process of its own: what a user does, and what is measured meanwhile.

    python -m tests.benchmarks.app_scenes SCENE MODEL TURNS      (run by tests.benchmarks.app)

Prints one line of JSON just before the app quits.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from app import build, main  # nothing else: the app's own start is measured
from app.engine_side.requests import Request

_TEXT = "Twelve times seven is eighty four, as you surely knew before."
_QUESTION = "What is twelve times seven?"
_BEAT_MS = 2
_STEP_MS = 5
_TURN_S = 0.5  # the window is told of an answer four times a second
SCREEN_PID = "EARSHOT_BENCHMARK_SCREEN"  # the X server's
_SAID_S = 2.0
_COMMON_WORDS = ("train", "journey", "nine")
_SCROLL_STEPS = 400
_TURNS_EACH = 10  # of a conversation that is searched
_LONG_TEXT = """Of the {number}th thing there is this to say, and it is *worth* saying twice:

- it begins with `a word` and goes on,
- it is **longer** than what was before it.

Then comes a sentence that runs over more than one line of the page, as sentences do in answers that explain something.

"""
_PARAGRAPHS = 22
Wait = Generator[Callable[[], Any], None, None]


class Beats:
    """How late the GUI thread's timer is, beat by beat."""

    def __init__(self, parent: Any) -> None:
        from PySide6.QtCore import Qt, QTimer

        self._lates: list[float] = []
        self._timer = QTimer(parent, interval=_BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._last = time.perf_counter()
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self._lates.append(max(1000 * (now - self._last) - _BEAT_MS, 0.0))
        self._last = now

    def stop(self) -> list[float]:
        """In milliseconds; the first beat is no measure."""
        self._timer.stop()
        return self._lates[1:]


class Scene:
    """Runs a scene's steps on the GUI thread of the real app: each step says what to wait for."""

    def __init__(self, name: str, model: Path, turns: int) -> None:
        self.model, self.turns = model, turns
        self.measured: dict[str, list[float]] = {}
        self._steps: Callable[[], Wait] = functools.partial(self.quit_from, name.removeprefix("quit-"))
        if not name.startswith("quit-"):
            self._steps = getattr(self, name)
        self.app: Any = None

    def shown(self, app: build.App) -> None:
        """The window was painted: a person sees it."""
        self.measured["window_s"] = [time.monotonic() - float(os.environ["EARSHOT_BENCHMARK_BEGAN"])]
        self.measured["window_cpu_s"] = [time.process_time()]

    def begin(self, app: build.App) -> None:
        """The app has begun its work."""
        from PySide6.QtCore import QTimer

        app.settings.change(microphone_explained=True, microphone_heard=True)
        self.app, self.controller = app, app.controller
        self._running = self._steps()
        self._until: Callable[[], Any] = lambda: True
        self._timer = QTimer(app.window, interval=_STEP_MS)
        self._timer.timeout.connect(self._step)
        self._timer.start()

    def _step(self) -> None:
        if not self._until():
            return
        try:
            self._until = next(self._running)
        except StopIteration:
            self._timer.stop()
            self.measured["quit_at"] = [time.monotonic()]
            print(json.dumps(self.measured), flush=True)
            self.controller.quit()

    def _ready(self) -> bool:
        return bool(self.controller.model.ready)

    def _is(self, state: str) -> Callable[[], bool]:
        return lambda: self.controller.state.value == state

    def window(self) -> Wait:
        """The window alone."""
        yield lambda: True

    def heartbeat(self) -> Wait:
        """Real replies, spoken, while the GUI's timer is watched."""
        yield self._ready
        self.controller.ask_text(_QUESTION)  # warms up: shapes are compiled and caches made
        yield self._is("idle")
        beats = Beats(self.app.window)
        for _ in range(self.turns):
            self.controller.ask_text(_QUESTION)
            yield self._is("idle")
        self.measured["late_ms"] = beats.stop()
        self.measured["speech_s"] = [_spoken_s(path) for path in Path(os.environ["EARSHOT_HOME"]).rglob("answer-*.wav")]

    def writing(self) -> Wait:
        """Long answers that are only written. While one grows, the window works and stands still by turns."""
        yield self._ready
        from engine.events import Thinking

        self.app.settings.change(thinking=Thinking.OFF, spoken_answers=False)
        written_at: list[float] = []
        self.controller._thread.submit(Request("note ids", functools.partial(_note_ids, written_at)))
        noted = ("began_at", "ended_at", "works", *self._spent_s())
        self.measured |= {name: [] for name in (*noted, "written_at")}
        for answer in range(self.turns + 1):  # the first one warms up
            self.controller.new_conversation()
            self.controller.ask_text(_QUESTION)
            yield lambda: len(written_at) > 1
            yield from self._work_by_turns(counts=answer > 0)
            while self.measured["ended_at"] and self.measured["ended_at"][-1] > written_at[-1]:
                for name in noted:  # the answer was complete before
                    self.measured[name].pop()
            self.measured["answer_words"] = [len(self.controller.turns[-1].answer.split())]
            self.measured["written_at"] += written_at
            written_at.clear()

    def _work_by_turns(self, counts: bool) -> Wait:
        """Until the answer is complete. What the engine says meanwhile waits while the window stands still."""
        is_idle = self._is("idle")
        self._timer.setInterval(round(1000 * _TURN_S))
        for works in itertools.cycle((1.0, 0.0)):
            before_s, began_at = self._spent_s(), time.perf_counter()
            if works:
                self._timer.start()
                yield lambda: True
            else:
                time.sleep(_TURN_S)
            ended_at, after_s = time.perf_counter(), self._spent_s()
            if not self.controller._thread.working or is_idle():
                break
            if counts:
                spent_s = {name: now - before_s[name] for name, now in after_s.items()}
                for name, value in {"began_at": began_at, "ended_at": ended_at, "works": works, **spent_s}.items():
                    self.measured[name].append(value)
        self._timer.setInterval(_STEP_MS)
        yield is_idle

    def _spent_s(self) -> dict[str, float]:
        """Until now: processor time of this thread, and how long the engine's thread and the X server ran and waited
        for a processor, where the system tells.
        """
        server, engine = os.environ.get(SCREEN_PID), self.controller._thread._thread.native_id
        spent_s = {"window_s": time.thread_time()}
        if server:
            spent_s["engine_waits_s"] = _scheduled_s(Path(f"/proc/self/task/{engine}"))[1]
            spent_s["screen_s"] = _scheduled_s(Path(f"/proc/{server}"))[0]
        return spent_s

    def question(self) -> Wait:
        """A spoken question, in turns alone and while a recording is transcribed: how long until the answer sounds."""
        yield self._ready
        recording = Path(os.environ["EARSHOT_HOME"]) / "long.wav"
        _write_long_speech(recording)
        transcriber, ways = self.controller.transcriber, ("alone_s", "transcribing_s")
        self.measured |= {way: [] for way in ways}
        transcriber.add_files([recording])
        yield lambda: transcriber.jobs and transcriber.jobs[0].segments
        for number in range(self.turns + 1):  # the first of each warms up
            for way in ways:
                job = transcriber.jobs[0]
                if way == "alone_s":
                    transcriber.pause_job(job.key)
                    yield lambda: not self.controller._thread.working
                else:
                    transcriber.retry(job.key)
                    yield lambda done=job.share: transcriber.jobs[0].share > done
                yield from self._ask_aloud()
                if number:
                    self.measured[way].append(time.monotonic() - self._asked_at)
                yield self._is("idle")

    def _ask_aloud(self) -> Wait:
        """Say something, in a conversation of its own, until the answer sounds."""
        self.controller.new_conversation()
        self.controller.press_talk()
        yield self._is("listening")
        yield _after(_SAID_S)
        self.controller.release_talk()
        self._asked_at = time.monotonic()
        yield lambda: self.controller._sound.playback.sounding

    def search(self) -> Wait:
        """Common words, typed and taken away again, while the GUI's timer is watched."""
        yield self._ready
        beats = Beats(self.app.window)
        field, self.measured["found_s"] = self.app.window.sidebar.search, []
        for word in _COMMON_WORDS:
            began = time.monotonic()
            for end in range(1, len(word) + 1):
                field.setText(word[:end])
            yield functools.partial(self._is_found, word)
            self.measured["found_s"].append(time.monotonic() - began)
        field.clear()
        yield lambda: not self.controller.conversations[0].snippet
        self.measured["late_ms"] = beats.stop()

    def _is_found(self, word: str) -> bool:
        listed = self.controller.conversations
        return len(listed) == self.turns and f"\x02{word}\x03" in listed[0].snippet

    def transcript(self) -> Wait:
        """A transcript of many segments: opened, scrolled from end to end and searched, while the timer beats."""
        yield self._ready
        window, job = self.app.window, self.controller.transcriber.jobs[0]
        beats = Beats(window)
        began = time.monotonic()
        window.reading.open(job.key)
        self.measured["opened_s"] = [time.monotonic() - began]
        bar = window.transcript.segments.verticalScrollBar()
        for step in range(_SCROLL_STEPS):
            bar.setValue(bar.maximum() * step // _SCROLL_STEPS)
            yield _after(0.008)
        for _ in range(_SCROLL_STEPS):  # and as a wheel does
            bar.setValue(bar.value() - 90)
            yield _after(0.008)
        window.transcript.find_field.setText(_COMMON_WORDS[0])
        for _ in range(_SCROLL_STEPS):
            window.transcript.go_to_hit(37)
            yield _after(0.008)
        self.measured["late_ms"] = beats.stop()

    def memory(self) -> Wait:
        """Many prescribed turns without a loudspeaker, so that nothing waits for it."""
        yield self._ready
        marks = {1, *(round(self.turns * share / 10) for share in range(1, 11))}
        self.measured |= {"turn": [], "resident_mb": []}
        for number in range(1, self.turns + 1):
            self.controller.ask_text(_QUESTION)
            yield self._is("idle")
            if number in marks:
                self.measured["turn"].append(number)
                self.measured["resident_mb"].append(_resident_mb())
        whole = [t.state.value == "done" and t.answer == _TEXT and t.has_sound for t in self.controller.turns]
        self.measured["whole"] = [sum(whole)]

    def quit_from(self, state: str) -> Wait:
        """Bring the app into a state."""
        if state == "loading":
            yield lambda: True
            return
        yield self._ready
        if state == "listening":
            self.controller.press_talk()
            yield self._is("listening")
        elif state in ("thinking", "speaking"):
            self.controller.ask_text(_QUESTION)
            yield self._is(state)
        elif state == "transcribing":
            path = Path(os.environ["EARSHOT_HOME"]) / "long.wav"
            _write_long_recording(path)
            self.controller.transcriber.add_files([path])
            yield lambda: self.controller.transcriber.jobs and self.controller.transcriber.jobs[0].share > 0


def _note_ids(written_at: list[float], work: Any, request: Any) -> Generator[Any, None, None]:
    """From now on, note when each id of an answer is chosen."""
    llm = work.model.engine.llm
    embed = llm.embed

    def noted(ids: Any) -> Any:
        if ids.shape == (1, 1):
            written_at.append(time.perf_counter())
        return embed(ids)

    llm.embed = noted
    yield from ()


def _scheduled_s(thread: Path) -> tuple[float, float]:
    """How long a thread ran, and how long it waited for a processor."""
    ran_ns, waited_ns, _times = (thread / "schedstat").read_text().split()
    return int(ran_ns) / 1e9, int(waited_ns) / 1e9


def _after(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


def _write_transcript(count: int) -> None:
    """A recording of so many segments, done."""
    from app.paths import Paths
    from app.shown.transcribe import JobState, TextSegment
    from app.transcribe.job import Job
    from app.transcribe.stored_queue import encode_queue, new_key

    said = "The train leaves at nine, as ever, and nobody knows why it is late. " * 3
    segments = tuple(
        TextSegment(8.0 * n, 8.0 * n + 7, said[: 60 + 37 * n % 140], f"Speaker {1 + n % 3}") for n in range(count)
    )
    job = Job(new_key(), Path("meeting.m4a"), JobState.DONE, 8.0 * count, segments)
    paths = Paths.of_user()
    paths.make()
    (paths.transcriptions / "queue.json").write_bytes(encode_queue([job]))


def _spoken_s(sound: Path) -> float:
    from engine.samples import probe

    return probe(sound).duration_s


def _write_long_recording(path: Path) -> None:
    import numpy as np

    from engine.samples import write_wav
    from tests.sounds import babble

    write_wav(path, np.tile(babble(20.0), 30), 16_000)


def _said_16k() -> Any:
    """A spoken question."""
    from engine.resources import resource
    from engine.samples import read

    return read(resource("examples") / "1-twelve-times-seven.flac")


def _write_long_speech(recording: Path) -> None:
    """A recording of an hour and a half in which the same is said again and again."""
    import numpy as np

    from engine.samples import write_wav

    said = _said_16k()
    write_wav(recording, np.tile(said, 5400 * 16_000 // len(said)), 16_000)


def _write_conversations(count: int) -> None:
    """Conversations of ten turns over two years, the common word in every third turn."""
    from app.paths import Paths
    from app.talk.store import Store
    from app.talk.stored_turn import StoredTurn
    from engine.events import new_turn_id

    paths = Paths.of_user()
    store = Store(paths.store, paths.recordings)
    for number in range(count):
        key, last = store.create("assistant").key, None
        for turn in range(_TURNS_EACH):
            word = "train" if turn % 3 == 0 else "journey"
            text = f"What about the {word} number {number} on day {turn}?"
            stored = StoredTurn(new_turn_id(), key, text=text, answer=f"The {word} leaves at nine, as ever. " * 8)
            store.add(stored, last)
            last = stored.id
    store._database.write(
        lambda db: db.execute(
            "UPDATE conversations SET changed = changed - 86400.0 * 730 * (? - number) / ?", [count, count]
        )
    )
    store.close()


def _resident_mb() -> float:
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def _stand_ins(name: str, model: Path, turns: int) -> dict[str, Any]:
    """A sound card for a machine without one; prescribed answers where their content must be known."""
    from tests.app.fakes import FakePermission
    from tests.app.running_sound import RunningSound
    from tests.app.talking import Prescribed
    from tests.checkpoints import tiny_checkpoint

    loader: Any = build.load_engine
    if name == "writing":
        text = "".join(_LONG_TEXT.format(number=number) for number in range(1, _PARAGRAPHS + 1))
        loader = Prescribed(text, 0)
    elif name not in ("heartbeat", "question") or model.resolve() == tiny_checkpoint().resolve():
        loader = Prescribed(_TEXT, 10 if name == "memory" else 100)
    sound = RunningSound(name != "memory", said_16k=_said_16k() if name == "question" else None)
    return {"loader": loader, "system": sound, "permission": FakePermission()}


def play(name: str, model: Path, turns: int) -> None:
    """Run the app with one scene; does not return."""
    scene = Scene(name, model, turns)
    if name == "search":
        _write_conversations(turns)
    if name == "transcript":
        _write_transcript(turns)
    if name != "window":
        build.build_controller = functools.partial(build.build_controller, **_stand_ins(name, model, turns))
    begin = build.App.begin

    def begun(app: build.App, files: list[str]) -> None:
        scene.shown(app)
        begin(app, files)
        scene.begin(app)

    build.App.begin = begun  # type: ignore[method-assign]
    main.run([])


if __name__ == "__main__":
    play(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
