"""How a conversation feels: time to the first sound from turn to turn, how fast a reply stops, memory over many turns.

    python -m tests.benchmarks.conversation [--model DIR] [--turns 20] [--rounds 10] [--long 200] [--json]

Random weights hardly ever speak, so with --script every answer is prescribed (twelve words, three seconds of speech);
the network is still run for every id. Without --model the best installed model is used.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import platform
import resource
import statistics
import sys
import threading
import time
from pathlib import Path

import mlx.core as mx

from engine.checkpoints import catalogue
from engine.engine import Engine
from engine.errors import VoiceError
from engine.events import EndReason, ReplyEnded, SessionEvent, Speech, Turn
from engine.session import Session, SessionSettings
from engine.speaking import Voice
from tests.benchmarks.random_model import random_voice
from tests.fakes import scripted, tone

_ANSWER = "Twelve times seven is eighty four, as you surely knew before."
_SPEECH_TOKENS = 75
_VOICE_TOKENS = 75


class Talk:
    """One model, one voice, and turns that are all alike."""

    def __init__(self, engine: Engine, prescribed: bool) -> None:
        self.engine = engine
        self.voice = _voice(engine)
        self._llm = scripted(engine.llm) if prescribed else None
        self._sound = tone(2.0)

    def turn(self) -> Turn:
        """The next turn."""
        return Turn(samples_16k=self._sound.copy(), max_tokens=250)

    def session(self) -> Session:
        """A new conversation."""
        return Session(self.engine, SessionSettings(voice=self.voice, seed=1))

    def prescribe(self) -> None:
        """The next answer: one id of text, four of speech, then the rest of the speech."""
        if self._llm is None:
            return
        vocabulary = self.engine.vocabulary
        speech = iter([vocabulary.speech[(37 * n) % len(vocabulary.speech)] for n in range(_SPEECH_TOKENS)])
        ids: list[int] = []
        for id in vocabulary.encode(_ANSWER):
            ids += [id, *(token for _, token in zip(range(4), speech, strict=False))]
        self._llm.scripts[:] = [[*ids, *speech, vocabulary.tts_end, vocabulary.eot]]


def _voice(engine: Engine) -> Voice:
    try:
        return engine.speaking.default_voice()
    except VoiceError:  # a folder with random weights
        return random_voice(engine.speaking, _VOICE_TOKENS)


def first_sounds(talk: Talk, turns: int, rounds: int) -> dict[str, object]:
    """Seconds to the first sound that was made, and that was heard, in turn 2 and in the last turn, and the one against
    the other.

    Two conversations are kept at these turns (what is asked is deleted again) and are asked in turns, so that other
    programs burden both alike. Processor time, of the whole process, tells the same where the machine is shared.
    """
    numbers = (2, turns)
    sessions = {number: talk.session() for number in numbers}
    for number, session in sessions.items():
        for _ in range(number - 1):
            _first_sound(talk, session)
    times: dict[int, list[float]] = {number: [] for number in numbers}
    heard: dict[int, list[float]] = {number: [] for number in numbers}
    works: dict[int, list[float]] = {number: [] for number in numbers}
    figures: dict[str, object] = {}
    for _ in range(rounds):
        for number, session in sessions.items():
            made_s, heard_s, work = _first_sound(talk, session)
            times[number].append(made_s)
            heard[number].append(heard_s)
            works[number].append(work)
            read = session.turns[-1].statistics
            figures[f"places_turn_{number}"] = read.prompt_tokens
            figures[f"places_read_turn_{number}"] = read.prompt_tokens - read.reused_tokens
            session.forget(session.path[-1:])
    for number in numbers:
        figures[f"turn_{number}_s"] = _three(times[number])
        figures[f"turn_{number}_heard_s"] = _three(heard[number])
        figures[f"turn_{number}_cpu_s"] = _three(works[number])
    for name, values in (("", times), ("cpu_", works)):
        ratios = [last / second for second, last in zip(values[2], values[turns], strict=True)]
        figures[f"{name}ratio_of_pairs"] = round(statistics.median(ratios), 3)
        figures[f"{name}ratio_of_fastest"] = round(min(values[turns]) / min(values[2]), 3)
    return figures


def _first_sound(talk: Talk, session: Session) -> tuple[float, float, float]:
    """Ask once; seconds to the first sound made and heard, and processor seconds to the former; endless for none."""
    talk.prescribe()
    began, work = time.process_time(), math.inf
    for event in session.ask(talk.turn()):
        if isinstance(event, Speech) and work == math.inf:
            work = time.process_time() - began
    figures = session.turns[-1].statistics
    made_s, heard_s = figures.first_sound_s, figures.first_heard_s
    return (math.inf if made_s is None else made_s), (math.inf if heard_s is None else heard_s), work


def cancels(talk: Talk, times: int) -> dict[str, object]:
    """Milliseconds from the wish to stop to a session that can be asked again: closing, and interrupting."""
    session = talk.session()
    closing: list[float] = []
    interrupting: list[float] = []
    for number in range(times):
        talk.prescribe()
        stream = session.ask(talk.turn())
        for _, _event in zip(range(3 + 7 * number % 40), stream, strict=False):
            pass
        began = time.perf_counter()
        stream.close()
        closing.append(1000 * (time.perf_counter() - began))
        talk.prescribe()
        stream = session.ask(talk.turn())
        for _, _event in zip(range(3 + 7 * number % 40), stream, strict=False):
            pass
        began = time.perf_counter()
        session.interrupt()
        list(stream)
        interrupting.append(1000 * (time.perf_counter() - began))
    return {"close_ms": _three(closing), "interrupt_ms": _three(interrupting), **_noticed(talk)}


def _noticed(talk: Talk, times: int = 24) -> dict[str, list[float]]:
    """Milliseconds from an interruption by another thread, at moments spread over the reply, to the last event.

    It waits for one id or one piece of sound, whichever is being made. Processor time is what that cost.
    """
    session = talk.session()
    talk.prescribe()
    began = time.perf_counter()
    list(session.ask(talk.turn()))
    whole_s = time.perf_counter() - began
    walls: list[float] = []
    works: list[float] = []
    for number in range(times):
        wished: list[tuple[float, float]] = []

        def wish(wished: list[tuple[float, float]] = wished) -> None:
            wished.append((time.perf_counter(), time.process_time()))
            session.interrupt()

        talk.prescribe()
        timer = threading.Timer(whole_s * (number + 0.5) / times, wish)
        stream = session.ask(talk.turn())
        timer.start()
        ended = list(stream)[-1]
        timer.cancel()
        assert isinstance(ended, ReplyEnded)
        if wished and ended.reason is EndReason.INTERRUPTED:
            walls.append(1000 * (time.perf_counter() - wished[0][0]))
            works.append(1000 * (time.process_time() - wished[0][1]))
        session.forget(session.path[-1:])
    return {"noticed_ms": _three(walls), "noticed_cpu_ms": _three(works)}


def memory(talk: Talk, turns: int) -> dict[str, object]:
    """Bytes in use along a long conversation whose context is kept small, so that it is full early on."""
    session = talk.session()
    session.settings.remember_turns = 8
    marks: dict[int, dict[str, float]] = {}
    for number in range(1, turns + 1):
        talk.prescribe()
        ended: SessionEvent | None = None
        for event in session.ask(talk.turn()):
            ended = event
        assert isinstance(ended, ReplyEnded)
        if number % (turns // 5) == 0:
            gc.collect()
            mx.clear_cache()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            marks[number] = {"mlx_mb": round(mx.get_active_memory() / 1e6, 1), "process_peak_mb": round(peak)}
    return {"turns": marks}


def _three(values: list[float]) -> list[float]:
    """Minimum, median, maximum."""
    return [round(f(values), 4) for f in (min, statistics.median, max)]


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--long", type=int, default=200)
    parser.add_argument("--script", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    engine = Engine.load(args.model or catalogue.best())
    talk = Talk(engine, args.script)
    first_sounds(talk, 3, 1)  # shapes are compiled and caches warm
    figures = {
        "model": engine.name,
        "machine": f"{platform.machine()}, {mx.default_device()}",
        "first_sound": first_sounds(talk, args.turns, args.rounds),
        "cancel": cancels(talk, 12),
        "memory": memory(talk, args.long) if args.long else {},
    }
    print(json.dumps(figures, indent=None if args.json else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
