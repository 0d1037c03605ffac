"""What is spoken for the training: which texts, how often, and that what is kept for the tests is not among them."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from starter.speech import spoken_corpus
from starter.texts import conversations, made_sentences, word_list
from starter.texts.open_sentences import texts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def jobs() -> list[spoken_corpus.Job]:
    return spoken_corpus.jobs(4000)


def test_there_are_as_many_jobs_as_were_asked_for(jobs: list[spoken_corpus.Job]) -> None:
    assert len(jobs) == 4000
    replies = [job for job in jobs if job.kind == "reply"]
    assert 0.3 < len(replies) / len(jobs) < 0.46
    assert {job.speaker for job in replies} == {spoken_corpus.REPLY_VOICE}


def test_every_answer_of_the_conversations_is_spoken(jobs: list[spoken_corpus.Job]) -> None:
    spoken = {job.text for job in jobs if job.kind == "reply"}
    made = spoken_corpus.conversations(round(4000 * spoken_corpus.CONVERSATIONS))
    often = Counter(turn.answer for dialogue in made for turn in dialogue.turns)
    assert {text for text, count in often.items() if count > 1} <= spoken


def test_a_second_run_speaks_what_is_heard_again_but_no_reply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def texts_after_a_run(seed: str) -> Counter[str]:
        arguments = ["spoken_corpus.py", str(tmp_path), "--utterances", "24", "--processes", "2", "--seed", seed]
        monkeypatch.setattr("sys.argv", arguments)
        monkeypatch.setattr(spoken_corpus.os, "nice", lambda _: 0)
        spoken_corpus.main()
        entries = [entry for path in tmp_path.glob("*.json") for entry in json.loads(path.read_text())]
        return Counter(f"{entry['kind']}: {entry['text']}" for entry in entries)

    once, twice = texts_after_a_run("12"), texts_after_a_run("12")
    assert {text.split(":")[0] for text in once} == {"heard", "reply"}
    assert twice == {text: 2 * count if text.startswith("heard") else count for text, count in once.items()}
    assert (tmp_path / "finished").exists()


def test_where_natural_voices_say_the_replies_nothing_waits_for_speech_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = spoken_corpus.jobs(400, replies=False)
    assert made
    assert {job.kind for job in made} == {"heard"}
    monkeypatch.setattr(spoken_corpus, "spoken", lambda text, speaker: np.ones(8000, np.int16))
    spoken_corpus.write_shard(tmp_path, 3, made[:4])
    assert len([*spoken_corpus.labelled(tmp_path, "00003")]) == 4


def test_what_is_heard_is_in_words_and_what_is_read_also_in_digits(jobs: list[spoken_corpus.Job]) -> None:
    def with_digits(kind: str) -> int:
        return sum(any(letter.isdigit() for letter in job.text) for job in jobs if job.kind == kind)

    assert not with_digits("heard")
    assert with_digits("reply") > 100


def test_nothing_that_is_held_out_is_spoken(jobs: list[spoken_corpus.Job]) -> None:
    apart = {line.lower() for line in texts().testing}
    chance = random.Random(3)
    read = conversations.read_sentences(chance, 3000)
    assert not apart & {text.lower() for text in (*(job.text for job in jobs), *read)}


def test_nearly_every_word_of_the_tests_occurs_in_training() -> None:
    def parts(lines: tuple[str, ...]) -> list[str]:
        return [word.strip(".,?!").lower() for line in lines for word in line.replace("-", " ").split()]

    known = {*parts(texts().training), *parts(texts().definitions)}
    known |= {word.lower() for part in word_list.words().parts for word in part}
    wanted = parts(texts().testing)
    assert sum(word not in known for word in wanted) / len(wanted) < 0.01


def test_words_come_again_only_after_all_others() -> None:
    deck = word_list.Deck(random.Random(1), ("a", "b", "c"))
    dealt = [deck.next() for _ in range(6)]
    assert sorted(dealt[:3]) == sorted(dealt[3:]) == ["a", "b", "c"]


def test_the_word_list_names_its_licence() -> None:
    path = Path(word_list.__file__).parent / "data" / "words.txt.gz"
    head = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()[:9]
    assert any("Permission to use, copy, modify, distribute and sell" in line for line in head)
    assert all(len(part) > 5000 for part in word_list.words().parts)


def test_made_sentences_fill_every_gap() -> None:
    for digits in (False, True):
        made = made_sentences.Sentences(random.Random(2), lambda: "word", lambda: "Name", digits)
        for _ in range(300):
            text = made.any()
            assert not set("{}") & set(text)
            assert text[0].isupper() or text[0] in "0123456789$"
            assert text[-1] in ".?"
            assert len(text.split()) <= 40
