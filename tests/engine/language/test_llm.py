"""The network and its cache: whatever way the places are read, the scores are the same."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from engine.language import LanguageModel
from tests.engine.language.networks import CONFIG, random_llm, random_prompt


@pytest.fixture(scope="module")
def llm() -> LanguageModel:
    return random_llm()


def _straight(llm: LanguageModel, embeddings: mx.array) -> np.ndarray:
    return np.array(llm(embeddings[None]))


def _close(a: mx.array, b: np.ndarray) -> None:
    np.testing.assert_allclose(np.array(a), b, atol=2e-4, rtol=1e-4)


def test_reading_in_parts_equals_reading_at_once(llm: LanguageModel) -> None:
    x = random_prompt(300)
    cache = llm.new_cache()
    for start, end in ((0, 1), (1, 2), (2, 200), (200, 299), (299, 300)):
        scores = llm(x[None, start:end], cache)
    assert cache.length == 300
    _close(scores, _straight(llm, x))


def test_trimmed_cache_goes_on_as_if_the_rest_had_never_been(llm: LanguageModel) -> None:
    x, other = random_prompt(40), random_prompt(20, seed=2)
    cache = llm.new_cache()
    llm(x[None], cache)
    cache.trim(25)
    _close(llm(other[None], cache), _straight(llm, mx.concatenate([x[:25], other])))


def test_forks_do_not_disturb_each_other(llm: LanguageModel) -> None:
    x, left, right = random_prompt(30), random_prompt(5, seed=2), random_prompt(7, seed=3)
    cache = llm.new_cache()
    mx.eval(llm(x[None], cache))
    fork = cache.fork()
    a = llm(left[None], cache)
    b = llm(right[None], fork)
    _close(b, _straight(llm, mx.concatenate([x, right])))
    _close(a, _straight(llm, mx.concatenate([x, left])))
    fork.trim(30)
    _close(llm(left[None], fork), _straight(llm, mx.concatenate([x, left])))


def test_trimming_beyond_the_end_is_refused(llm: LanguageModel) -> None:
    cache = llm.new_cache()
    llm(random_prompt(3)[None], cache)
    with pytest.raises(ValueError, match="cannot be trimmed"):
        cache.trim(4)


def test_padded_rows_score_as_if_alone(llm: LanguageModel) -> None:
    prompts = [random_prompt(length, seed=length) for length in (9, 4, 1)]
    padding = mx.array([0, 5, 8])
    batch = mx.stack([mx.pad(prompt, [(9 - len(prompt), 0), (0, 0)]) for prompt in prompts])
    cache = llm.new_cache(padding)
    scores = llm(batch, cache)
    more = random_prompt(1, seed=7)
    next_scores = llm(mx.broadcast_to(more, (3, 1, CONFIG.hidden_size)), cache)
    for row, prompt in enumerate(prompts):
        _close(scores[row], _straight(llm, prompt)[0])
        _close(next_scores[row], _straight(llm, mx.concatenate([prompt, more]))[0])


def test_merged_matrices_give_the_same_scores() -> None:
    llm, x = random_llm(), random_prompt(12)
    before = _straight(llm, x)
    llm.fuse()
    assert "qkv_proj" in llm.model.layers[0].self_attn
    assert "gate_proj" not in llm.model.layers[0].mlp
    _close(llm(x[None]), before)


def test_quantised_matrices_merge_too_and_mixed_ones_stay_apart() -> None:
    llm, x = random_llm(), random_prompt(12)

    def predicate(path: str, module: nn.Module) -> bool | dict[str, int]:
        if not hasattr(module, "to_quantized") or "embed" in path:
            return False
        mixed = path.endswith("layers.1.self_attn.v_proj") or path.endswith("layers.2.mlp.up_proj")
        return {"group_size": 32, "bits": 8 if mixed else 4}

    nn.quantize(llm, class_predicate=predicate)
    before = _straight(llm, x)
    llm.fuse()
    assert isinstance(llm.model.layers[0].self_attn.qkv_proj, nn.QuantizedLinear)
    assert "qkv_proj" not in llm.model.layers[1].self_attn
    assert "gate_up_proj" not in llm.model.layers[2].mlp
    _close(llm(x[None]), before)


def test_training_reaches_every_weight() -> None:
    llm, ids = random_llm(), mx.array([[5, 7, 9, 200]])

    def loss(network: LanguageModel) -> mx.array:
        scores = network.head(network.hidden_states(network.embed(ids[:, :-1])))
        return nn.losses.cross_entropy(scores, ids[:, 1:]).mean()

    value, gradients = nn.value_and_grad(llm, loss)(llm)
    layer = gradients["model"]["layers"][0]
    assert float(value) > 0
    assert float(mx.abs(layer["self_attn"]["k_proj"]["weight"]).max()) > 0
    assert float(mx.abs(layer["mlp"]["gate_proj"]["weight"]).max()) > 0
