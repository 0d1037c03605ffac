"""One way of the benchmark of whole requests, in a process of its own.

python -m tests.benchmarks.requests_way PLAN --json FILE      (run by tests.benchmarks.requests)
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

from engine.engine import Engine
from engine.errors import VoiceError
from engine.events import ReplyEnded, Speech, Turn
from engine.samples import write_wav
from engine.session import Session, SessionSettings
from engine.speaking import Voice
from engine.transcription import transcribe
from tests.benchmarks.measuring import machine
from tests.benchmarks.random_model import random_engine, random_voice
from tests.benchmarks.requests_timeline import watched
from tests.fakes import scripted
from tests.sounds import babble, tone

_SOUND_HZ = 24_000
_QUESTION_S = 3.0
_TEXT_SHARE = 7 / 32  # of the ids of a spoken reply
_BETWEEN = 40  # ids of the replies between those that are measured
_WORDS = "Twelve times seven is eighty four, as you surely knew before. "
_RECORDING_S = 400.0
_QUESTION_EACH_S = 1.3  # of a transcription, at most


@dataclass(frozen=True)
class Plan:
    """What is to be measured. `bits` 0 takes the weights of the folder, else they are random."""

    folder: str
    backend: str
    bits: int
    lengths: list[int]
    turns: list[int]
    rounds: int
    voice_tokens: int
    transcribing: int = 0
    timeline: bool = False

    def to_json(self) -> str:
        """For the command line."""
        return json.dumps(asdict(self))


@dataclass
class Listener:
    """Somebody who hears the pieces of a reply as they are handed out, and waits before the first as they say."""

    began: float = field(default_factory=time.perf_counter)
    made_s: float = math.inf
    heard_s: float = math.inf
    pieces: list[float] = field(default_factory=list)  # seconds of sound
    spare_s: list[float] = field(default_factory=list)  # of every piece but the first, before it is needed

    def take(self, speech: Speech, now_s: float | None = None) -> None:
        """A piece, handed out now."""
        now_s = time.perf_counter() - self.began if now_s is None else now_s
        sounds_until = self.heard_s + sum(self.pieces)
        if self.pieces:
            self.spare_s.append(sounds_until - now_s)
        else:
            self.made_s = now_s
        if now_s < self.heard_s:  # nothing was played yet
            self.heard_s = now_s + speech.wait_s
        self.pieces.append(len(speech.samples_24k) / _SOUND_HZ)

    def figures(self) -> dict[str, Any]:
        """What is kept of a reply."""
        return {
            "made_s": self.made_s,
            "heard_s": self.heard_s,
            "spare_s": min(self.spare_s, default=None),
            "late_pieces": sum(spare < 0 for spare in self.spare_s),
            "pieces": len(self.pieces),
            "sound_s": sum(self.pieces),
        }


class Way:
    """One engine that answers prescribed replies."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        folder, began = Path(plan.folder), time.perf_counter()
        if plan.bits:
            self.engine = random_engine(folder, plan.bits, plan.backend)
        else:
            self.engine = Engine.load(folder, backend=plan.backend)
        self._settings = SessionSettings(voice=self._voice(), seed=1)
        self.load_s = time.perf_counter() - began
        began = time.perf_counter()
        for _ in self.engine.warming_up(self._settings):
            pass
        self.warm_up_s = time.perf_counter() - began
        self._llm = scripted(self.engine.llm)
        self._sound = tone(_QUESTION_S)

    def _voice(self) -> Voice:
        try:
            return self.engine.speaking.default_voice() if not self._plan.bits else self._random_voice()
        except VoiceError:  # a folder with random weights
            return self._random_voice()

    def _random_voice(self) -> Voice:
        return random_voice(self.engine.speaking, self._plan.voice_tokens)

    def replies(self) -> list[dict[str, Any]]:
        """Every length at every turn, in rounds; the long conversation is asked again at its last turns."""
        places = [(turn, length) for turn in self._plan.turns for length in self._plan.lengths]
        found: dict[tuple[int, int], list[dict[str, Any]]] = {place: [] for place in places}
        sessions: dict[int, Session] = {}
        for _ in range(self._plan.rounds):
            for turn, length in places:
                session = sessions.setdefault(turn, self._session_before(turn))
                if turn == 1:
                    session = self._session_before(1)
                found[turn, length].append(self.answer(session, length))
                session.forget(session.path[-1:])
        return [{"turn": turn, "ids": length, "rounds": rounds} for (turn, length), rounds in found.items()]

    def timelines(self) -> list[dict[str, Any]]:
        """Every length at every turn once more: when each part of it began and ended."""
        found = []
        for turn in self._plan.turns:
            session = self._session_before(turn)
            for length in self._plan.lengths:
                if turn == 1:
                    session = self._session_before(1)
                began = time.perf_counter()
                with watched(began) as moments:
                    figures = self.answer(session, length, began)
                session.forget(session.path[-1:])
                found.append({"turn": turn, "ids": length, "whole_s": figures["whole_s"], "moments": moments})
        return found

    def _session_before(self, turn: int) -> Session:
        session = Session(self.engine, self._settings)
        for _ in range(turn - 1):
            self.answer(session, min(_BETWEEN, *self._plan.lengths))
        return session

    def answer(self, session: Session, ids: int, began: float | None = None) -> dict[str, Any]:
        """Ask once; the reply has so many ids. `began` is when the question was asked, if not now."""
        self._llm.scripts[:] = [self._script(ids)]
        turn = Turn(samples_16k=self._sound.copy(), max_tokens=ids + 1)
        listener = Listener() if began is None else Listener(began)
        ended: ReplyEnded | None = None
        for event in session.ask(turn):
            if isinstance(event, Speech):
                listener.take(event)
            elif isinstance(event, ReplyEnded):
                ended = event
        whole_s = time.perf_counter() - listener.began
        assert ended is not None
        if ended.statistics.generated_tokens != ids:
            raise RuntimeError(f"{ids} ids were prescribed, {ended.statistics.generated_tokens} written")
        return {"whole_s": whole_s, "ids_per_s": ended.statistics.decode_tokens_per_s} | listener.figures()

    def _script(self, ids: int) -> list[int]:
        """An id of text, four of speech, and so on; when the text is over, the rest of the speech."""
        vocabulary = self.engine.vocabulary
        words = round(_TEXT_SHARE * (ids - 2))
        text = vocabulary.encode(_WORDS * words)[:words]
        speech = [vocabulary.speech[(37 * n) % len(vocabulary.speech)] for n in range(ids - 2 - words)]
        mixed: list[int] = []
        for place, id in enumerate(text):
            mixed += [id, *speech[4 * place : 4 * place + 4]]
        return [*mixed, *speech[4 * words :], vocabulary.tts_end, vocabulary.eot]

    def during_transcription(self, questions: int) -> dict[str, Any]:
        """The shortest reply, asked in a silent moment and while a recording is transcribed: when it is heard."""
        session, ids = self._session_before(2), min(self._plan.lengths)
        alone = []
        for _ in range(questions):
            alone.append(self.answer(session, ids)["heard_s"])
            session.forget(session.path[-1:])
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "recording.wav"
            write_wav(path, np.tile(babble(20.0), round(_RECORDING_S / 20)), 16_000)
            beside, steps = self._asked_between(path, session, ids, questions)
        return {"alone_heard_s": alone, "beside_heard_s": beside, "longest_step_s": max(steps)}

    def _asked_between(self, path: Path, session: Session, ids: int, questions: int) -> tuple[list[float], list[float]]:
        """When each answer was heard, and the seconds of each step of the transcription; as the app's thread has it."""
        heard: list[float] = []
        steps: list[float] = []
        while len(heard) < questions:
            asked = _Asking(len(heard))
            with closing(transcribe(self.engine, path)) as events:
                began = time.perf_counter()
                for _ in events:
                    steps.append(time.perf_counter() - began)
                    if asked.at is not None and len(heard) < questions:
                        heard.append(self.answer(session, ids, asked.at)["heard_s"])
                        session.forget(session.path[-1:])
                        asked = _Asking(len(heard))
                    began = time.perf_counter()
                    if len(heard) == questions:
                        break
            asked.cancel()
        return heard, steps


class _Asking:
    """Somebody who asks at some moment that the engine does not know; `at` is when, None before."""

    def __init__(self, number: int) -> None:
        self.at: float | None = None
        self._timer = threading.Timer(_QUESTION_EACH_S * (0.2 + 0.6180339887 * number % 1), self._ask)
        self._timer.daemon = True
        self._timer.start()

    def _ask(self) -> None:
        self.at = time.perf_counter()

    def cancel(self) -> None:
        """Do not ask any more."""
        self._timer.cancel()


def measure(plan: Plan) -> dict[str, Any]:
    """All figures of one way."""
    way = Way(plan)
    traced = getattr(way.engine.backend, "traces", 0)
    held = mx.get_active_memory()
    mx.reset_peak_memory()
    replies = way.replies()
    figures = {
        "load_s": way.load_s,
        "warm_up_s": way.warm_up_s,
        "held_bytes": held,
        "replies": replies,
        "peak_bytes": mx.get_peak_memory(),
        "traced_meanwhile": getattr(way.engine.backend, "traces", 0) - traced,
    }
    if plan.timeline:
        figures["timelines"] = way.timelines()
    if plan.transcribing:
        figures["transcribing"] = way.during_transcription(plan.transcribing)
    way.engine.close()
    return figures


def main(argv: Iterable[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", help="a Plan as JSON")
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args(argv if argv is None else list(argv))
    way = measure(Plan(**json.loads(options.plan)))
    options.json.write_text(json.dumps({"machine": machine(), "way": way}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
