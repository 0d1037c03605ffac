"""The way from a recording to its segments: read, cut at pauses, decode in batches, keep a journal."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from engine import samples
from engine.errors import NoSpeechError, SoundError
from engine.events import Pause, Progress, Samples
from engine.samples import BrokenOffError, SoundInfo
from engine.speech_detector import SpeechDetector
from engine.transcription.journal import Journal, run_key
from engine.transcription.pauses import Window, WindowCutter
from engine.transcription.results import (
    Details,
    Finished,
    Opened,
    Options,
    Recognised,
    Segment,
    SegmentDone,
    Transcript,
    TranscriptionEvent,
)
from engine.transcription.speakers import VoiceOf, find_speakers

# Windows of 16 kHz samples in; (which window, its text) out, in any order, and None after every step without a text.
Recognise = Callable[[Sequence[Samples]], Iterator[tuple[int, str | Recognised] | None]]

SHORTEST_SOUND_S = 0.3


class Transcribing(Protocol):
    """What a transcription needs of a model, in this process or on another machine."""

    @property
    def folder(self) -> Path: ...

    def recogniser(self, options: Options) -> Recognise:
        """What transcribes windows as `options` ask. Raises RequestError for an unknown language."""


def transcribe(
    engine: Transcribing,
    path: Path | str,
    *,
    options: Options | None = None,
    journal: Path | None = None,
    resume: bool = False,
) -> Generator[TranscriptionEvent, None, None]:
    """Write down what is said in a sound or film file of any length, in constant memory.

    Yields Opened, then SegmentDone and Progress (seconds of the file) as it goes, and Finished last. Where `options`
    ask who speaks, the whole file is heard for its speakers first (Progress of the stage "speakers"). With `journal`,
    every segment is on disk before it is yielded; with `resume` too, the segments of an interrupted run come first and
    the work goes on after them. The journal is removed once the caller asks for what follows Finished, so keep the
    result somewhere before that. Closing the generator cancels the work and keeps the journal.

    A file that breaks off is transcribed as far as it goes, and the transcript's `problem` says so. Raises SoundError
    when the file cannot be read or holds no speech, StorageError when the journal cannot be written, RequestError when
    the journal belongs to another run or the model cannot do what `options` ask, CheckpointError when speakers are
    asked of a model without a speaker network.
    """
    options = options or Options()
    recognise = engine.recogniser(options)
    voice_of = None if options.speakers is None else _speaker_network(engine.folder)
    return run(
        path, recognise, model_folder=engine.folder, options=options, journal=journal, resume=resume, voice_of=voice_of
    )


def _speaker_network(model_folder: Path) -> VoiceOf:
    from engine.speaking.voice_networks import SpeakerNetwork

    return SpeakerNetwork(model_folder / "token2wav")


def run(
    path: Path | str,
    recognise: Recognise,
    *,
    model_folder: Path,
    options: Options,
    journal: Path | None = None,
    resume: bool = False,
    voice_of: VoiceOf | None = None,
) -> Generator[TranscriptionEvent, None, None]:
    """`transcribe` with whatever turns windows into text, and speech into what tells voices apart."""
    path = Path(path)
    info = samples.probe(path)
    book = Journal(journal, run_key(path, model_folder, options), resume) if journal else None
    work = _Run(path, info, recognise, options, book, voice_of)
    try:
        yield from work.events()
        yield Finished(work.transcript(model_folder.name))
        if book:
            book.remove()
    finally:
        if book:
            book.close()


class _Run:
    """The state of one transcription."""

    def __init__(
        self,
        path: Path,
        info: SoundInfo,
        recognise: Recognise,
        options: Options,
        journal: Journal | None,
        voice_of: VoiceOf | None,
    ) -> None:
        self._path, self._info, self._recognise, self._options, self._journal = path, info, recognise, options, journal
        self._voice_of = voice_of
        self._segments = list(journal.segments) if journal else []
        self._resumed_s = self._segments[-1].end_s if self._segments else 0.0
        self._cutter = WindowCutter()
        self._waiting: list[Window] = []
        self._batch = 1  # grows to options.batch, so that the first words come soon
        self._windows = 0
        self._heard_s = 0.0
        self._broken_off: BrokenOffError | None = None

    def events(self) -> Iterator[TranscriptionEvent]:
        yield Opened(self._path, self._info, self._resumed_s)
        for index, segment in enumerate(self._segments):
            yield SegmentDone(index, segment, resumed=True)
        if self._voice_of is not None:
            found = yield from find_speakers(
                self._path, self._info.duration_s, self._voice_of, self._options.speakers or 0
            )
            self._cutter = WindowCutter(who_speaks=found.between if found.turns else None)
        try:
            for block in samples.stream(self._path):
                self._heard_s += len(block) / SpeechDetector.RATE_HZ
                self._take(self._cutter.push(block))
                while len(self._waiting) >= self._batch:
                    yield from self._decode()
                yield self._progress()
        except BrokenOffError as error:
            self._broken_off = error
        self._take(self._cutter.finish())
        while self._waiting:
            yield from self._decode()
        yield self._progress()
        self._refuse_if_empty()

    def transcript(self, model: str) -> Transcript:
        """What was declared may be less than was heard, and no segment ends after the recording."""
        duration_s = self._heard_s if self._broken_off else max(self._info.duration_s, self._heard_s)
        problem = self._broken_off.sentence if self._broken_off else ""
        return Transcript(self._path.name, duration_s, tuple(self._segments), model, self._options, problem)

    def _take(self, windows: list[Window]) -> None:
        self._windows += len(windows)
        self._waiting += [window for window in windows if window.start_s >= self._resumed_s - 1e-6]

    def _decode(self) -> Iterator[TranscriptionEvent]:
        """Decode the next batch; its segments come in order of time, each as soon as those before it are done."""
        batch, self._waiting = self._waiting[: self._batch], self._waiting[self._batch :]
        self._batch = min(2 * self._batch, max(1, self._options.batch))
        texts: dict[int, str | Recognised] = {}
        following = 0
        for found in self._recognise([window.samples_16k for window in batch]):
            if found is None:
                yield Pause()
                continue
            row, text = found
            texts[row] = text
            while following in texts:
                segment = _segment(batch[following], texts[following])
                following += 1
                if segment.text:
                    yield self._keep(segment)
                    yield self._progress(segment.end_s)

    def _keep(self, segment: Segment) -> SegmentDone:
        if self._journal:
            self._journal.add(segment)
        self._segments.append(segment)
        return SegmentDone(len(self._segments) - 1, segment)

    def _progress(self, done_s: float | None = None) -> Progress:
        if done_s is None:
            done_s = self._waiting[0].start_s if self._waiting else self._cutter.position_s
        done_s = max(done_s, self._resumed_s)  # what an interrupted run did is not done now
        total_s = max(self._info.duration_s, done_s) if self._info.duration_s else 0.0
        return Progress("transcribe", done_s, total_s, "seconds")

    def _refuse_if_empty(self) -> None:
        if self._segments:
            return
        if self._broken_off:
            raise self._broken_off
        if self._heard_s < SHORTEST_SOUND_S:
            raise SoundError(
                "{path} is only {heard_s:.2f} s long: record at least {shortest_s} s of speech.",
                path=self._path,
                heard_s=self._heard_s,
                shortest_s=SHORTEST_SOUND_S,
            )
        if not self._windows:
            raise NoSpeechError(
                "No speech was found in {path}: check that the right microphone or track was recorded.", path=self._path
            )
        raise SoundError(
            "The model made out no words in {path}: try another recording or another model.", path=self._path
        )


def _segment(window: Window, found: str | Recognised) -> Segment:
    details = None
    if isinstance(found, Recognised):
        details = Details(found.ids, found.log_probability, window.no_speech_probability)
        found = found.text
    return Segment(window.start_s, window.end_s, found.strip(), window.spans, window.speaker, details)
