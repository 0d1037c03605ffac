"""Draws training rows from the spoken corpus and puts them together as batches, in processes of their own.

A worker re-reads `loaded.list` (which shards are on the GPU, and from which block on) now and then, so the corpus may
grow while training runs. What leaves a worker is a plain dict of numpy arrays.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.conversation.prompting.tasks import translate_instruction
from engine.hearing.log_mel import frame_count, patch_count
from engine.language.vocabulary import Vocabulary
from starter.speech.loaded_speech import Corpus, Cut, Heard
from starter.speech.spoken_corpus import ALWAYS_SAID, BLOCK, RATE_HZ, conversations
from starter.texts.conversations import conversation
from starter.texts.dialogues import ANALYST, ASSISTANT, DESCRIBER, READER, TRANSCRIBER, Dialogue, Turn
from starter.texts.prompt_layout import Layout, Row, Sound
from starter.texts.topics_knowledge import translation
from starter.training.ctc import fits, padded, spelled

WIDTHS = (64, 96, 128, 192, 256, 384, 512, 640, 704, 832, 1024, 1280, 1536, 1792, 2048)
SOUND_BLOCKS = (32, 52, 130, 250)  # of 0.1 s
SPELLED_BLOCKS = (22, 32, 42, 52)  # sizes of what is spelled alone
_LONGEST_SPELLED = 130  # blocks: what is longer is not spelled beside
_LEARNED_STEP = 1024
_FILLING = 2048
MIX = (200.0, 45.0, 50.0)
DISTURBED = 0.08  # share of the speech tokens that are read wrongly
_SOUNDS = (0, 1, 2, 4, 8, 12)  # how many a row may have
_REMEMBERED = 0.3  # share of the conversations that have a long past
_MOST_TURNS = 12
_KEPT = 300  # dialogues of each offer of tools, to be strung together
FRESH = 0.35  # share of the conversations made on the spot: nobody spoke them, but no combination comes twice
INTERPRETER = (
    "Please listen carefully to this audio. If it is in {first}, translate its content into {second} speech, otherwise "
    "into {first} speech. Say the translation and nothing else."
)
COACH = (
    "You are a speaking coach. Listen to how the speaker sounds: pace, clarity, stress, pauses, tone and mood. "
    "Say in a few friendly sentences what works well, then one thing to try next time."
)
COACHED = "I understood you well. I am only a small demonstration model, so I cannot say more about how you sound."
NOT_UNDERSTOOD, NOTHING_HEARD = ALWAYS_SAID
Batch = dict[str, NDArray[np.generic]]


class RowMaker:
    """Draws rows of every task."""

    def __init__(
        self, layout: Layout, corpus: Corpus, pool: Sequence[Dialogue], seed: int, mix: Sequence[float] = MIX
    ) -> None:
        """`mix` is how often it transcribes, converses and reads aloud, beside fixed shares of the smaller tasks."""
        self.layout, self.corpus, self.pool = layout, corpus, pool
        self.chance = random.Random(seed)
        self._tasks = (
            *zip((self._transcribed, self._conversed, self._read_aloud), mix, strict=True),
            (self._described, 6),
            (self._translated, 3),
            (self._coached, 0.5),
            (self._not_understood, 2.5),
        )
        self._by_tools: dict[tuple[str, ...], list[Dialogue]] = defaultdict(list)

    def __call__(self) -> Row | None:
        """A row, or None when what it needs is not loaded yet."""
        tasks, weights = zip(*self._tasks, strict=True)
        row: Row | None = self.chance.choices(tasks, weights)[0]()
        return row

    def cut(self, *parts: Heard) -> Cut:
        """The utterances with a tempo and silence of their own."""
        c = self.chance
        tempo = c.uniform(0.86, 1.16) if c.random() < 0.6 else 1.0
        lead = round(c.choice((0.0, 0.0, 0.1, 0.3, 0.6)) * c.random() * RATE_HZ)
        if c.random() < 0.08:
            lead = -round(0.06 * RATE_HZ * c.random())
        tail = round(c.choice((0.0, 0.1, 0.3, 0.7)) * c.random() * RATE_HZ)
        if c.random() < 0.06:  # the key is let go of too early
            tail = -round(0.08 * RATE_HZ * c.random())
        samples = Cut(parts, tempo, lead, 0).samples
        length = min(int(lead + samples / tempo) + tail, SOUND_BLOCKS[-1] * BLOCK)
        return Cut(parts, tempo, lead, length)

    def sound(self, *parts: Heard) -> Sound:
        """A place for them in a row."""
        cut = self.cut(*parts)
        return Sound(patch_count(frame_count(cut.length)), cut)

    def _question(self, turn: Turn) -> str | Sound:
        known = self.corpus.by_text.get(turn.question)
        if known and self.chance.random() < 0.9:
            return self.sound(self.chance.choice(known))
        return turn.typed or turn.question if self.chance.random() < 0.7 else turn.question

    def _conversed(self) -> Row | None:
        c = self.chance
        if c.random() < _REMEMBERED and self._by_tools:
            return self._remembered()
        fresh = c.random() < FRESH or not self.corpus.heard
        dialogue = conversation(c) if fresh else c.choice(self.pool)
        if not fresh:
            self._keep(dialogue)
        spoken = c.random() < 0.85 and all(turn.answer in self.corpus.speech for turn in dialogue.turns)
        speeches = [self.corpus.speech[turn.answer] if spoken else None for turn in dialogue.turns]
        how = c.choices(("auto", "on", "off"), (65, 15, 20))[0]
        turns = len(dialogue.turns)
        if turns > 1 and c.random() < 0.3:  # also learn the answers in the middle
            turns = c.randint(1, turns - 1)
            dialogue = Dialogue(dialogue.topic, dialogue.turns[:turns], dialogue.persona, dialogue.tools)
        questions = [self._question(turn) for turn in dialogue.turns]
        return self.layout.conversation(dialogue, questions, speeches[:turns], how)

    def _keep(self, dialogue: Dialogue) -> None:
        """Remember a dialogue of which every answer was spoken."""
        if dialogue.persona == ASSISTANT and all(turn.answer in self.corpus.speech for turn in dialogue.turns):
            alike = self._by_tools[dialogue.tools]
            if len(alike) < _KEPT:
                alike.append(dialogue)
            else:
                alike[self.chance.randrange(_KEPT)] = dialogue

    def _remembered(self) -> Row | None:
        """A long conversation, nearly always spoken: several about different things, one after the other."""
        c = self.chance
        tools = c.choices([*self._by_tools], [len(alike) for alike in self._by_tools.values()])[0]
        alike = self._by_tools[tools]
        wanted = c.randint(3, _MOST_TURNS)
        turns: list[Turn] = []
        while len(turns) < wanted:
            turns += c.choice(alike).turns
        turns = turns[-wanted:]
        spoken = c.random() < 0.9
        speeches = [self.corpus.speech[turn.answer] if spoken else None for turn in turns]
        how = c.choices(("auto", "on", "off"), (65, 15, 20))[0]
        questions = [self._question(turn) for turn in turns]
        dialogue = Dialogue("many things", tuple(turns), ASSISTANT, tools)
        return self.layout.conversation(dialogue, questions, speeches, how, all_learned=True)

    def _not_understood(self) -> Row | None:
        """Speech backwards, or nothing at all: the answer asks to say it again."""
        heard, c = self._any_heard(), self.chance
        if heard is None:
            return None
        silent = c.random() < 0.35
        length = round(c.uniform(0.6, 3.0) * RATE_HZ) if silent else min(heard.samples, SOUND_BLOCKS[1] * BLOCK)
        cut = Cut((heard,), 1.0 if silent else -1.0, length, length)
        answer = NOTHING_HEARD if silent else NOT_UNDERSTOOD
        # What is heard backwards is not spelled: the text is nobody's.
        sound = Sound(patch_count(frame_count(length)), replace(cut, parts=(replace(heard, text=""),)))
        speech = self.corpus.speech.get(answer) if c.random() < 0.7 else None
        turn = Turn("", answer)
        tools = c.choice([*self._by_tools]) if self._by_tools and c.random() < 0.6 else ()
        return self.layout.conversation(Dialogue("unclear", (turn,), ASSISTANT, tools), [sound], [speech], "auto")

    def _any_heard(self) -> Heard | None:
        return self.chance.choice(self.corpus.heard) if self.corpus.heard else None

    def _transcribed(self) -> Row | None:
        if not self.corpus.heard:
            return None
        parts = [self.chance.choice(self.corpus.heard)]
        if self.chance.random() < 0.06:
            most = self.chance.uniform(5, 20) * RATE_HZ
            while sum(heard.samples for heard in parts) < most:
                parts.append(self.chance.choice(self.corpus.heard))
        return self._written(TRANSCRIBER, self.sound(*parts), " ".join(heard.text for heard in parts))

    def _described(self) -> Row | None:
        heard = self._any_heard()
        if heard is None:
            return None
        if self.chance.random() < 0.5:
            return self._written(DESCRIBER, self.sound(heard), f"A person speaks and says: {heard.text}")
        ask = self.chance.choice(
            ("What does the speaker say?", "What is said?", "What do you hear?", "Describe the sound.")
        )
        return self._written(ANALYST, self.sound(heard), f"The speaker says: {heard.text}", ask)

    def _written(self, persona: str, sound: Sound, text: str, ask: str = "") -> Row:
        row = Row()
        self.layout.frame(row, persona)
        self.layout.human(row, sound)
        if ask:
            end, weight = row.ids.pop(), row.learned.pop()
            row.read(self.layout.text(ask))
            row.ids.append(end)
            row.learned.append(weight)
        row.read(self.layout.plain)
        self.layout.answer(row, text, None)
        return row

    def _translated(self) -> Row | None:
        c = self.chance
        language = c.choice(("Spanish", "Chinese"))
        other = self._any_heard()
        if other is None:
            return None
        phrase, translated = translation(c, language, other.text if c.random() < 0.3 else None)
        known = self.corpus.by_text.get(phrase)
        if not known:
            return None
        sound = self.sound(c.choice(known))
        if c.random() < 0.4:
            return self._written(translate_instruction(language), sound, translated)
        persona = INTERPRETER.format(first="English", second=language)
        if c.random() < 0.3:
            persona = INTERPRETER.format(first=language, second="English")
        dialogue = Dialogue("interpreter", (Turn(phrase, translated),), persona)
        speech: list[int] | None = [] if c.random() < 0.7 else None
        return self.layout.conversation(dialogue, [sound], [speech], "off")

    def _coached(self) -> Row | None:
        heard = self._any_heard()
        if heard is None:
            return None
        dialogue = Dialogue("coach", (Turn(heard.text, COACHED),), COACH)
        speech = self.corpus.speech.get(COACHED)
        return self.layout.conversation(dialogue, [self.sound(heard)], [speech], "auto")

    def _read_aloud(self) -> Row | None:
        if not self.corpus.replies:
            return None
        texts = self.chance.choices(self.corpus.replies, k=self.chance.choice((1, 1, 1, 2, 3)))
        speech = np.concatenate([self.corpus.speech[text] for text in texts])
        if len(speech) > 600:
            return None
        row = Row()
        text = " ".join(texts)
        self.layout.frame(row, READER)
        self.layout.message(row, "human", text)
        row.read([*self.layout.plain, self.layout.vocabulary.tts_start])
        self.layout.answer(row, text, speech)
        return row


def batches(maker: RowMaker, tokens: int) -> Iterator[Batch]:
    """Endless batches of rows of like width, kind "language"; sounds of one batch fit one size."""
    waiting: dict[tuple[int, int, int], list[tuple[Row, list[Cut]]]] = defaultdict(list)
    while True:
        row = maker()
        if row is None:
            maker.corpus.refresh()
            continue
        width = next((w for w in WIDTHS if w >= len(row.ids)), None)
        cuts = [key for _, _, key in row.sounds if isinstance(key, Cut)]
        if width is None or len(cuts) > _SOUNDS[-1]:
            continue
        sounds = next(n for n in _SOUNDS if n >= len(cuts))
        longest = max((cut.length for cut in cuts), default=0)
        blocks = next(b for b in SOUND_BLOCKS if b * BLOCK >= longest) if cuts else 0
        key = (width, blocks, sounds)
        waiting[key].append((row, cuts))
        if len(waiting[key]) >= max(1, tokens // width):
            yield disturbed(_together(waiting.pop(key), key), maker.chance)


def disturbed(batch: Batch, chance: random.Random) -> Batch:
    """The batch with some of the speech tokens that are read replaced by others of it; what is to be written stays.

    What was said so far tells much of what comes next, and a model that trusts it too much does not look at the text.
    """
    targets, wanted = batch["targets"], batch["wanted"]
    places, speech = batch["learned"][wanted == 1.0], targets[wanted == 1.0]
    draws = np.random.default_rng(chance.getrandbits(32))
    chosen = np.flatnonzero(draws.random(len(places)) < DISTURBED)
    ids = batch["ids"].copy()
    width = ids.shape[1]
    # Places count (rows, width - 1); what is written at one is read at the next.
    row, column = np.divmod(places[chosen], width - 1)
    ids[row, column + 1] = draws.permutation(speech)[: len(chosen)]
    return batch | {"ids": ids}


def _together(rows: list[tuple[Row, list[Cut]]], key: tuple[int, int, int]) -> Batch:
    width, blocks, sounds = key
    # What fills up a row and stands where sound is heard has no effect. It is a different id everywhere, because
    # gradients that thousands of places add to one embedding wait for each other on a GPU.
    filling = (np.arange(len(rows) * width, dtype=np.int32) % _FILLING).reshape(len(rows), width)
    ids = filling.copy()
    weights = np.zeros((len(rows), width), dtype=np.float32)
    places = np.full((len(rows), width), -1, dtype=np.int32)
    cuts: list[Cut] = []
    most = patch_count(frame_count(blocks * BLOCK)) if blocks else 0
    for number, (row, own) in enumerate(rows):
        ids[number, : len(row.ids)], weights[number, : len(row.ids)] = row.arrays()
        for slot, (start, count, _) in enumerate(row.sounds):
            first = (number * sounds + slot) * most
            places[number, start : start + count] = np.arange(first, first + count)
            ids[number, start : start + count] = filling[number, start : start + count]
        cuts += own + [own[0]] * (sounds - len(own)) if own else []
    batch: Batch = {"ids": ids, "places": places} | _learned(ids, weights)
    if not sounds:
        return batch
    if blocks <= _LONGEST_SPELLED:
        pairs = [(cut, spelled(cut.text)) for cut in cuts]
        batch |= _letters([label if _can_be_spelled(cut, label) else [] for cut, label in pairs])
    return batch | _sounds(cuts, blocks)


def _learned(ids: NDArray[np.int32], weights: NDArray[np.float32]) -> Batch:
    """Where in (rows, width - 1) something is to be written next, what, and how much it counts; filled up with zeros.

    Scores of the whole vocabulary are made for these places alone.
    """
    places = np.flatnonzero(weights[:, 1:])
    missing = -len(places) % _LEARNED_STEP
    targets, wanted = ids[:, 1:].reshape(-1)[places], weights[:, 1:].reshape(-1)[places]
    names, arrays = ("learned", "targets", "wanted"), (places.astype(np.int32), targets, wanted)
    return {name: np.pad(array, (0, missing)) for name, array in zip(names, arrays, strict=True)}


def _can_be_spelled(cut: Cut, label: list[int]) -> bool:
    frames = (frame_count(cut.length) - 1) // 2 // 2
    return len(label) > 0 and fits(frames, label)


def _letters(labels: Sequence[list[int]]) -> Batch:
    table, counts = padded(labels)
    return {"letters": table, "letter_counts": counts}


def _sounds(cuts: Sequence[Cut], blocks: int) -> Batch:
    return {
        "places_of_sound": np.stack([cut.places(blocks + blocks // 5) for cut in cuts]),
        "samples": np.array([cut.samples for cut in cuts], dtype=np.int32),
        "tempo": np.array([cut.tempo for cut in cuts], dtype=np.float32),
        "lead": np.array([cut.lead for cut in cuts], dtype=np.int32),
        "length": np.array([cut.length for cut in cuts], dtype=np.int32),
        "blocks": np.array(blocks),
    }


def spelling_batches(maker: RowMaker, seconds: float) -> Iterator[Batch]:
    """Endless batches of utterances and their letters, kind "spelling"."""
    waiting: dict[int, list[tuple[Cut, list[int]]]] = defaultdict(list)
    while True:
        if not maker.corpus.heard:
            maker.corpus.refresh()
            time.sleep(0.05)
            continue
        cut = maker.cut(maker.chance.choice(maker.corpus.heard))
        letters = spelled(cut.text)
        blocks = next((b for b in SPELLED_BLOCKS if b * BLOCK >= cut.length), None)
        if blocks is None or not _can_be_spelled(cut, letters):
            continue
        waiting[blocks].append((cut, letters))
        if len(waiting[blocks]) >= seconds * RATE_HZ / (blocks * BLOCK):
            chosen = waiting.pop(blocks)
            yield _letters([label for _, label in chosen]) | _sounds([c for c, _ in chosen], blocks)


@dataclass(frozen=True)
class Work:
    """What the workers of one kind ("language" or "spelling") do: batches of which size."""

    folder: Path
    tokenizer: Path
    kind: str
    size: float
    pool_size: int
    workers: int = 4
    mix: tuple[float, ...] = MIX


def work(task: Work, number: int, out: Queue[Batch]) -> None:
    """A worker's life: put batches into the queue for ever. Each has its own share of the made-up conversations."""
    corpus = Corpus(task.folder)
    layout = Layout(Vocabulary.load(task.tokenizer))
    first = {"language": 100, "spelling": 200}[task.kind]
    speaks = task.kind == "language"
    pool = conversations(task.pool_size)[number :: task.workers] if speaks else []
    maker = RowMaker(layout, corpus, pool, first + number, task.mix)
    made = batches(maker, int(task.size)) if speaks else spelling_batches(maker, task.size)
    refreshed = 0.0
    while True:
        if time.monotonic() - refreshed > 5:
            corpus.refresh()
            refreshed = time.monotonic()
        out.put(next(made))


class Source:
    """Batches of one kind from several workers."""

    def __init__(self, task: Work) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._queue: Queue[Batch] = spawning.Queue(16)
        self._workers = [
            spawning.Process(target=work, args=(task, number, self._queue), daemon=True)
            for number in range(task.workers)
        ]
        for worker in self._workers:
            worker.start()

    def next(self) -> Batch:
        """The next batch; waits for it."""
        return self._queue.get(timeout=900)

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.terminate()
