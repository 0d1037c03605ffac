"""The writing loop: ends, cancels, leaves the cache where it says."""

from __future__ import annotations

import mlx.core as mx
import pytest

from engine.language import LanguageModel, Sampling, generate, generate_batch, generate_batch_in_steps
from tests.engine.language.networks import random_llm, random_prompt

GREEDY = Sampling()


@pytest.fixture(scope="module")
def llm() -> LanguageModel:
    return random_llm()


def _step_by_step(llm: LanguageModel, prompt: mx.array, count: int) -> list[int]:
    ids: list[int] = []
    for _ in range(count):
        x = mx.concatenate([prompt, llm.embed(mx.array(ids, dtype=mx.int32))]) if ids else prompt
        ids.append(int(mx.argmax(llm(x[None]), axis=-1).item()))
    return ids


def test_greedy_ids_equal_a_loop_without_cache(llm: LanguageModel) -> None:
    prompt = random_prompt(10)
    ids = list(generate(llm, llm.new_cache(), prompt, sampling=GREEDY, end_ids=(), max_tokens=12))
    assert ids == _step_by_step(llm, prompt, 12)


def test_the_end_id_is_yielded_last(llm: LanguageModel) -> None:
    prompt = random_prompt(10)
    all_ids = _step_by_step(llm, prompt, 12)
    end = all_ids[5]
    ids = list(generate(llm, llm.new_cache(), prompt, sampling=GREEDY, end_ids={end}, max_tokens=12))
    assert ids == all_ids[: all_ids.index(end) + 1]


@pytest.mark.parametrize("taken", [1, 2, 7])
def test_closing_leaves_a_cache_that_can_go_on(llm: LanguageModel, taken: int) -> None:
    prompt, more = random_prompt(10), random_prompt(3, seed=9)
    cache = llm.new_cache()
    loop = generate(llm, cache, prompt, sampling=GREEDY, end_ids=(), max_tokens=50)
    ids = [next(loop) for _ in range(taken)]
    loop.close()
    assert 10 + taken - 1 <= cache.length <= 10 + taken
    kept = taken // 2
    cache.trim(10 + kept)
    expected = llm(mx.concatenate([prompt, llm.embed(mx.array(ids[:kept], dtype=mx.int32)), more])[None])
    assert mx.allclose(llm(more[None], cache), expected, atol=2e-4)


def test_cancel_is_asked_before_every_id(llm: LanguageModel) -> None:
    asked = iter([False, False, False, True])
    ids = list(
        generate(
            llm,
            llm.new_cache(),
            random_prompt(5),
            sampling=GREEDY,
            end_ids=(),
            max_tokens=50,
            cancelled=lambda: next(asked),
        )
    )
    assert len(ids) == 2  # once for the prompt, then before each id


def test_a_cancelled_prompt_writes_nothing(llm: LanguageModel) -> None:
    cache = llm.new_cache()
    loop = generate(llm, cache, random_prompt(5), sampling=GREEDY, end_ids=(), max_tokens=5, cancelled=lambda: True)
    assert list(loop) == []
    assert cache.length == 0


def test_a_seed_repeats_and_another_differs(llm: LanguageModel) -> None:
    def run(seed: int) -> list[int]:
        sampling = Sampling(temperature=1.5, top_k=0, repetition_penalty=1.1, seed=seed)
        return list(generate(llm, llm.new_cache(), random_prompt(5), sampling=sampling, end_ids=(), max_tokens=20))

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_a_batch_writes_what_its_rows_would_write_alone(llm: LanguageModel) -> None:
    prompts = [random_prompt(length, seed=length) for length in (12, 3, 7, 1, 12)]
    alone = [_step_by_step(llm, prompt, 10) for prompt in prompts]
    ends = {alone[0][8], alone[1][2], alone[2][0], alone[3][4], alone[4][3]}
    expected = []
    for ids in alone:
        stop = next((place for place, id in enumerate(ids) if id in ends), 9)
        expected.append(ids[: stop + 1])
    written: list[list[int]] = [[] for _ in prompts]
    for row, id in generate_batch(llm, prompts, sampling=GREEDY, end_ids=ends, max_tokens=10):
        written[row].append(id)
    assert written == expected


def test_a_batch_counts_each_rows_own_ids_for_the_penalty(llm: LanguageModel) -> None:
    prompts = [random_prompt(length, seed=length) for length in (6, 2)]
    sampling = Sampling(repetition_penalty=3.0)
    seen = [[1, 2, 3], [250, 9]]
    written: list[list[int]] = [[], []]
    for row, id in generate_batch(llm, prompts, sampling=sampling, end_ids=(), max_tokens=8, penalised_ids=seen):
        written[row].append(id)
    for prompt, ids, own in zip(prompts, seen, written, strict=True):
        alone = generate(llm, llm.new_cache(), prompt, sampling=sampling, end_ids=(), max_tokens=8, penalised_ids=ids)
        assert list(alone) == own


def test_how_likely_an_id_was_is_told_of_each_row(llm: LanguageModel) -> None:
    prompts = [random_prompt(length) for length in (7, 7, 7)]
    ids = [_step_by_step(llm, prompt, 4) for prompt in prompts]
    ends = {ids[0][1]}  # one row leaves the batch before the others
    steps = generate_batch_in_steps(llm, prompts, sampling=GREEDY, end_ids=ends, max_tokens=4, judge=True)
    for row, id, log_probability in (written for step in steps for written in step):
        place = ids[row].index(id)
        read = ids[row][:place]
        x = mx.concatenate([prompts[row], llm.embed(mx.array(read, dtype=mx.int32))]) if read else prompts[row]
        scores = llm(x[None])[0]
        assert log_probability == pytest.approx((scores[id] - mx.logsumexp(scores)).item(), abs=1e-3)
    steps = generate_batch_in_steps(llm, prompts, sampling=GREEDY, end_ids=(), max_tokens=1)
    assert [written.log_probability for step in steps for written in step] == [None] * 3
