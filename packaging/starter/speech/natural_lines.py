"""Speaks sentences in natural voices at once, every frame of one voice beside the same frame of the others.

    python -m starter.speech.natural_lines FOLDER --weights kokoro.npz --voices FOLDER --vocab vocab.json --hours 8

Each sentence is said by both built-in voices and by somebody else, all with the timing of one of the three: what the
speech tokenizer, the flow and the vocoder learn from. `shards.py` reads them; the three utterances of a sentence follow
one another.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.conversation.prompting.plain_english import written_out
from starter.speech.natural_network import Kokoro
from starter.speech.natural_speech import at_16k, sinc_filters
from starter.speech.natural_voices import BUILT_IN, Casting, NaturalSpeaker, Voices, plain
from starter.speech.natural_weights import unpacked
from starter.speech.phonemes import Phonemes
from starter.speech.torch_device import best_device
from starter.texts.conversations import conversation, read_sentences
from starter.texts.everyday_sentences import everyday_sentence

THREADS = 4  # that write beside the GPU
VOICES = 3  # that say each sentence: the built-in ones and another
_ANSWERS, _EVERYDAY = 0.35, 0.3  # of the texts; the rest is to be read
_TIMINGS = (0.6, 0.15, 0.25)  # whose durations a sentence has
_FRAMES_TOGETHER = 1700  # of each voice in a batch
_SAME_LENGTH = 8  # frames of 25 ms: whole speech tokens
_FEWEST_SYMBOLS, _MOST_SYMBOLS = 4, 220
_LONGEST_FRAMES = 480
_QUIET = 300 / 32768
_STEP = 960  # samples at 24 kHz of a speech token
_LOUDEST = 0.95


@dataclass(frozen=True)
class Line:
    """A text in symbols, who else says it, and whose timing it has (a place among the voices)."""

    text: str
    symbols: tuple[int, ...]
    other: NaturalSpeaker
    timing: int

    @property
    def speakers(self) -> tuple[NaturalSpeaker, ...]:
        """Who says it."""
        return (*(plain(name) for name in BUILT_IN.values()), self.other)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names in a shard."""
        return (*BUILT_IN, "+".join(name for name, _ in self.other.look))


class Script:
    """Deals sentences."""

    def __init__(self, casting: Casting, phonemes: Phonemes, vocab: dict[str, int], seed: int) -> None:
        self._chance = random.Random(seed)
        self._casting, self._phonemes, self._vocab = casting, phonemes, vocab
        self._read = read_sentences(self._chance, 10**9)

    def _text(self) -> str:
        pick = self._chance.random()
        if pick < _ANSWERS:
            return self._chance.choice(conversation(self._chance).turns).answer
        return everyday_sentence(self._chance) if pick < _ANSWERS + _EVERYDAY else next(self._read)

    def line(self) -> Line:
        """The next one."""
        while True:
            text = written_out(self._text())
            symbols = symbols_of(text, self._phonemes, self._vocab)
            if _FEWEST_SYMBOLS <= len(symbols) <= _MOST_SYMBOLS:
                timing = self._chance.choices(range(VOICES), _TIMINGS)[0]
                return Line(text, (0, *symbols, 0), self._casting.next(), timing)

    def groups(self, count: int) -> list[list[Line]]:
        """So many lines, those of one length together."""
        found: dict[int, list[Line]] = defaultdict(list)
        for _ in range(count):
            line = self.line()
            found[len(line.symbols)].append(line)
        return list(found.values())


def symbols_of(text: str, phonemes: Phonemes, vocab: dict[str, int]) -> tuple[int, ...]:
    """The symbols that the network reads for a text in American English."""
    return tuple(vocab[letter] for letter in phonemes(text) if letter in vocab)


@dataclass
class Timed:
    """A line and, of each of its V voices, what prosody (V, N, 640) and text (V, N, 512) are made of, and style."""

    line: Line
    prosody: Tensor
    text: Tensor
    style: Tensor


def timed(net: Kokoro, voices: Voices, lines: Sequence[Line]) -> Iterator[Timed]:
    """Lines of one number of symbols; in each, all voices have the same frames."""
    count = len(lines[0].symbols)
    speakers = [line.speakers for line in lines]
    styles = np.stack([voices.style(one, count - 2) for own in speakers for one in own])
    style = torch.from_numpy(styles).to(net.device)
    each = len(speakers[0])
    symbols = torch.tensor([line.symbols for line in lines], device=net.device).repeat_interleave(each, 0)
    speed = torch.tensor([one.speed for own in speakers for one in own], device=net.device)
    frames, prosody, text = net.durations(symbols, style, speed)
    for number, line in enumerate(lines):
        rows = slice(number * each, number * each + each)
        own = frames[rows][line.timing].clone()
        own[-1] += -own.sum() % _SAME_LENGTH
        places = torch.repeat_interleave(torch.arange(count, device=net.device), own)
        yield Timed(line, prosody[rows, places], text[rows, places], style[rows])


def batches(net: Kokoro, voices: Voices, groups: Sequence[Sequence[Line]]) -> Iterator[list[Timed]]:
    """Batches of lines of one number of frames."""
    waiting: dict[int, list[Timed]] = defaultdict(list)
    for group in groups:
        for start in range(0, len(group), 64):
            for one in timed(net, voices, group[start : start + 64]):
                count = one.prosody.shape[1]
                if count > _LONGEST_FRAMES:
                    continue
                waiting[count].append(one)
                if len(waiting[count]) * count >= _FRAMES_TOGETHER:
                    yield waiting.pop(count)
    yield from waiting.values()


def spoken(net: Kokoro, batch: Sequence[Timed], filters: Tensor) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """The batch's lines by all voices at 24 and at 16 kHz: (B, V, N) each."""
    parts = [torch.cat([getattr(one, name) for one in batch]) for name in ("prosody", "text", "style")]
    made = net.samples(*parts).float()
    made = made * (_LOUDEST / made.abs().amax(1, keepdim=True).clamp(min=_LOUDEST))
    made = torch.nan_to_num(made)
    both = (made, at_16k(made, filters).clamp(-1.0, 1.0))
    high, low = ((samples * 32767.0).short().view(len(batch), -1, samples.shape[1]).cpu().numpy() for samples in both)
    return high, low


def trimmed(high: NDArray[np.int16], low: NDArray[np.int16], chance: random.Random) -> tuple[NDArray, NDArray]:
    """The same (V, N) with little silence at the ends, in whole speech tokens; nothing where a voice says nothing."""
    loud = np.abs(high.astype(np.int32)) > _QUIET * 32768
    if not loud.any(axis=1).all():
        return high[:, :0], low[:, :0]
    found = np.flatnonzero(loud.any(axis=0))
    margin = chance.randint(1, 5) * _STEP // 2
    first = max(0, found[0] - margin) // (_STEP // 2)
    last = min(first + -(-(found[-1] + margin - first * _STEP // 2) // _STEP) * 2, high.shape[1] // _STEP * 2)
    last = first + (last - first) // 2 * 2
    return high[:, first * 480 : last * 480], low[:, first * 320 : last * 320]


class Writer:
    """Makes shards of what was spoken, in threads beside the GPU."""

    def __init__(self, folder: Path, sentences: int) -> None:
        self._folder, self._number, self._sentences = folder, 0, sentences
        self._pool = ThreadPoolExecutor(THREADS)
        self._running: list[Future[float]] = []
        self._waiting: list[tuple[Line, NDArray[np.int16], NDArray[np.int16]]] = []
        self.seconds = 0.0

    def add(self, lines: Sequence[Line], high: NDArray[np.int16], low: NDArray[np.int16]) -> None:
        """Take what the lines' voices said. Raises what went wrong with an earlier shard."""
        self._waiting += zip(lines, high, low, strict=True)
        while len(self._waiting) >= self._sentences:
            self._begin(self._waiting[: self._sentences])
            self._waiting = self._waiting[self._sentences :]
        while self._running and (self._running[0].done() or len(self._running) > 60):
            self.seconds += self._running.pop(0).result()

    def _begin(self, shard: list[tuple[Line, NDArray[np.int16], NDArray[np.int16]]]) -> None:
        self._running.append(self._pool.submit(write_shard, self._folder, self._number, shard))
        self._number += 1

    def close(self) -> None:
        """Write the rest and wait for it."""
        if self._waiting:
            self._begin(self._waiting)
        for running in self._running:
            self.seconds += running.result()
        self._pool.shutdown()


def write_shard(folder: Path, number: int, shard: Sequence[tuple[Line, NDArray[np.int16], NDArray[np.int16]]]) -> float:
    """Write a shard; returns the seconds of speech of each voice."""
    chance = random.Random(number)
    sounds: list[tuple[NDArray[np.int16], NDArray[np.int16]]] = []
    entries: list[dict[str, object]] = []
    place = 0
    for line, high, low in shard:
        cut = trimmed(high, low, chance)
        length = 2 * cut[0].shape[1]  # places are counted at 48 kHz
        if length < 24_000:
            continue
        for name, *both in zip(line.names, *cut, strict=True):
            sounds.append((both[0], both[1]))
            entries.append({"text": line.text, "speaker": name, "start": place, "length": length})
            place += length
    for which, label in ((1, "16k"), (0, "24k")):
        empty = np.zeros(0, np.int16)
        np.save(folder / f"{number:05}.{label}.npy", np.concatenate([empty, *(pair[which] for pair in sounds)]))
    unfinished = folder / f"{number:05}.part"
    unfinished.write_text(json.dumps(entries))
    unfinished.rename(folder / f"{number:05}.json")
    return place / 48_000 / VOICES


@dataclass
class Studio:
    """What speaking needs: the network, its voices, the symbols of texts and the filters to 16 kHz."""

    net: Kokoro
    voices: Voices
    vocab: dict[str, int]
    phonemes: Phonemes
    filters: Tensor

    @classmethod
    def opened(cls, options: argparse.Namespace) -> Studio:
        """As the arguments of `add_arguments` say."""
        device = torch.device(options.device)
        net = Kokoro(unpacked(dict(np.load(options.weights))), device, half=device.type == "cuda")
        if device.type == "cuda":
            net.compile()
        vocab = json.loads(options.vocab.read_text())
        phonemes = Phonemes(options.espeak_data)
        filters = sinc_filters().to(device)
        return cls(net, Voices.load(options.voices), vocab.get("vocab", vocab), phonemes, filters)


@torch.inference_mode()
def alone(studio: Studio, text: str, name: str) -> NDArray[np.float32]:
    """A text at 24 kHz in one voice, with little silence at the ends."""
    symbols = (0, *symbols_of(written_out(text), studio.phonemes, studio.vocab), 0)
    device = studio.net.device
    style = torch.from_numpy(studio.voices.style(plain(name), len(symbols) - 2))[None].to(device)
    frames, prosody, words = studio.net.durations(torch.tensor([symbols], device=device), style, style.new_ones(1))
    said = [part[0].repeat_interleave(frames[0], 0)[None] for part in (prosody, words)]
    samples = studio.net.samples(*said, style)[0].float().cpu().numpy()
    loud = np.flatnonzero(np.abs(samples) > _QUIET)
    margin = 2 * _STEP
    return samples[max(0, loud[0] - margin) : loud[-1] + margin]


def add_arguments(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Where the network is, and how it runs."""
    for name in ("--weights", "--voices", "--vocab"):
        parser.add_argument(name, type=Path, required=required)
    parser.add_argument("--device", default=best_device())
    parser.add_argument("--espeak-data", type=Path, help="the folder that holds espeak-ng-data, where it is elsewhere")


def speak(studio: Studio, options: argparse.Namespace) -> None:
    """Round after round, until there is enough."""
    casting = Casting(studio.voices.names, random.Random(options.seed))
    script = Script(casting, studio.phonemes, studio.vocab, options.seed)
    writer = Writer(options.folder, options.sentences)
    began, size, seconds = time.monotonic(), options.first_round, 0.0
    print(f"ready after {time.process_time():.0f} s", flush=True)
    enough = options.folder / "enough"
    while seconds < options.hours * 3600 and not enough.exists():
        for batch in batches(studio.net, studio.voices, script.groups(size)):
            high, low = spoken(studio.net, batch, studio.filters)
            writer.add([one.line for one in batch], high, low)
            seconds += high.shape[0] * high.shape[2] / 24_000
            if enough.exists() or seconds >= options.hours * 3600:
                break
        size = options.round
        print(f"{seconds / 3600:.2f} h, {time.monotonic() - began:.0f} s", flush=True)
    writer.close()
    print(f"{writer.seconds / 3600:.2f} h of each voice, {time.monotonic() - began:.0f} s", flush=True)
    (options.folder / "finished").write_text("")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    add_arguments(parser)
    parser.add_argument("--hours", type=float, default=8.0, help="of each voice")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sentences", type=int, default=50, help="in a shard; the first shard is kept to measure with")
    parser.add_argument("--round", type=int, default=1500, help="lines that are sorted by length together")
    parser.add_argument("--first-round", type=int, default=300)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    with torch.inference_mode():
        speak(Studio.opened(options), options)


if __name__ == "__main__":
    main()
