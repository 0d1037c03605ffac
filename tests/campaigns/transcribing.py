"""Kills the app while recordings are transcribed and corrected; it is started again until all of them are."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from app.build import load_engine
from app.shown.transcribe import JobState, JobView
from engine.events import Samples
from engine.samples import write_wav
from tests.campaigns.campaign import Campaign, Findings
from tests.campaigns.journal import Entry, read_journal
from tests.campaigns.processes import Watched, draw_moment, kill_at, run_to_end
from tests.campaigns.running_app import Script, Steps, journal_path, let_pass, run_app
from tests.sounds import babble
from tests.tiny_model import write_tiny_model

_RECORDINGS = 2
_SECONDS = 55.0  # of each: a few windows
_KILLED_WITHIN_S = 3.0
_KILLED_WITHIN_TOUCHES = 30
_WRITTEN_WITHIN_S = 0.3  # a row or a correction, after it is shown
_CORRECTED = 0.3  # of all segments

Texts = list[tuple[str, list[list[Any]]]]  # of each row: its name, and beginning, end and words of its segments


class Transcribing(Script):
    """Adds the recordings that are not in the list, corrects some segments, and waits until all are done."""

    def __init__(self, watched: Watched, home: Path, seed: int, shared: Path, killed: bool) -> None:
        super().__init__(watched, home, seed, "")
        self.loader = load_engine
        self.model = shared / "tiny-model"
        self._recordings = sorted(shared.glob("*.wav"))
        self._killed = killed
        self._looked_at: set[tuple[str, int]] = set()

    def steps(self) -> Steps:
        transcriber = self.controller.transcriber
        found = [job.name for job in transcriber.jobs]
        self.watched.begin()
        if new := [path for path in self._recordings if path.name not in found]:
            transcriber.add_files(new)
        yield lambda: {job.name for job in transcriber.jobs} == {path.name for path in self._recordings}
        yield self._all_are_done
        if self._killed:
            yield lambda: False
        self.watched.report((found, texts_of(transcriber.jobs)))

    def _all_are_done(self) -> bool:
        jobs = self.controller.transcriber.jobs
        if self._killed:
            for job in jobs:
                self._correct(job)
        return all(job.state is JobState.DONE for job in jobs)

    def _correct(self, job: JobView) -> None:
        """Look at each new segment once, and correct some."""
        for index, segment in enumerate(job.segments):
            if (job.key, index) not in self._looked_at:
                self._looked_at.add((job.key, index))
                if self.chance.random() < _CORRECTED:
                    text = f"Corrected {self.chance.randrange(10**6)}"
                    self.controller.transcriber.edit_segments(job.key, {index: text})
                    self.journal.write(corrected=(job.name, segment.start_s, text), at=time.time())

    def write_what_is_shown(self) -> None:
        """The names in the list."""
        shown = sorted(job.name for job in self.controller.transcriber.jobs)
        if shown != self._shown:
            self.journal.write(rows=shown, at=time.time())
            self._shown = shown


def texts_of(jobs: tuple[JobView, ...]) -> Texts:
    """All rows by name."""
    return sorted((job.name, [[each.start_s, each.end_s, each.text] for each in job.segments]) for job in jobs)


def _transcribe(watched: Watched, home: Path, seed: int, shared: Path, killed: bool) -> None:
    run_app(Transcribing(watched, home, seed, shared, killed))


def _undisturbed(shared: Path) -> Texts:
    """The texts of a run that nobody kills; made once, with recordings and model."""
    file, home = shared / "undisturbed.json", shared / "undisturbed"
    if not file.exists():
        write_tiny_model(shared / "tiny-model")
        for number in range(_RECORDINGS):
            write_wav(shared / f"recording-{number}.wav", _speech(number), 16_000)
        home.mkdir(mode=0o700)
        texts = run_to_end(_transcribe, home, 0, shared, False)[1]
        assert all(len(segments) > 1 for _name, segments in texts), texts
        file.write_text(json.dumps(texts))
    return [(name, segments) for name, segments in json.loads(file.read_text())]


def _speech(seed: int) -> Samples:
    pause = np.zeros(8_000, np.float32)
    pieces = [np.concatenate([babble(4.5, 100 * seed + number), pause]) for number in range(round(_SECONDS / 5))]
    return np.concatenate(pieces)


def _kill(folder: Path, shared: Path, seed: int) -> Findings:
    expected, home, chance = _undisturbed(shared), folder / "home", Random(seed)
    home.mkdir(mode=0o700)
    moment = draw_moment(chance, _KILLED_WITHIN_S, _KILLED_WITHIN_TOUCHES)
    killed_at = kill_at(moment, _transcribe, home, seed, shared, True)
    let_pass(home)
    shown = read_journal(journal_path(home))
    found, texts = run_to_end(_transcribe, home, seed, shared, False)
    return _compared(found, texts, expected, shown, killed_at - _WRITTEN_WITHIN_S, home / "transcriptions")


def _compared(
    found: list[str], texts: Texts, expected: Texts, shown: list[Entry], written_by: float, folder: Path
) -> Findings:
    findings = Findings(left_behind=sorted({path.name for path in folder.iterdir()} - {"queue.json"}))
    rows = [entry["rows"] for entry in shown if "rows" in entry and entry["at"] < written_by]
    findings.lost += [f"the row of {name}" for name in (rows[-1] if rows else ()) if name not in found]
    findings.doubled += [
        f"the row of {name}" for name, count in Counter(name for name, _segments in texts).items() if count > 1
    ]
    corrections = [(*entry["corrected"], entry["at"] < written_by) for entry in shown if "corrected" in entry]
    for (name, segments), (_name, now) in zip(expected, texts, strict=False):
        mine = {start_s: (text, sure) for each, start_s, text, sure in corrections if each == name}
        if len(now) > len(segments):
            findings.doubled.append(f"segments of {name}: {now}")
        for (start_s, end_s, text), segment in zip(segments, now, strict=False):
            corrected, sure = mine.get(start_s, (text, True))
            if segment not in ([start_s, end_s, corrected], [start_s, end_s, corrected if sure else text]):
                findings.lost.append(f"{name} at {start_s}: {corrected!r}, there is {segment}")
        if len(now) < len(segments):
            findings.lost.append(f"segments of {name}: {now}")
    return findings


TRANSCRIPTION = Campaign("transcription", _kill)
