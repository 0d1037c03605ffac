"""Puts the trained parts together as a model folder in the published layout.

    python -m starter.training.assemble WEIGHTS TOKENIZER_FOLDER TOKEN2WAV_FOLDER resources/starter

Linear layers and the table of embeddings are stored with 8 bits in groups of 64, everything else as float16.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import engine  # noqa: F401  (chooses the BLAS on Linux)

import mlx.core as mx  # isort: skip
from starter.networks.network_sizes import AUDIO, FLOW_STEPS, TEXT

BITS, GROUP = 8, 64
_SHARD_BYTES = 12_000_000
_KEPT_WHOLE = ("positional_embedding", "conv", "norm", "_ln")
EARSHOT = {
    "name": "Earshot starter",
    "variant": "think",
    "languages": ["en"],
    "about": "A small model for demonstration. It knows a few sums and facts and sets timers; it often mishears and is "
    "often wrong. For real conversations download Step-Audio 2 mini.",
    "about_zh": "用于演示的小模型，只懂英语：会几道算术，知道几个常识，能设置计时器；常常听错，也常常答错。"
    "要真正对话，请下载 Step-Audio 2 mini。",
    "can": ["Sums, a few facts and timers, in English"],
    "can_zh": ["英语的算术、一些常识和计时器"],
    "cannot": ["Free conversation, Chinese, translation", "Reliable answers: it often mishears"],
    "cannot_zh": ["自由交谈、中文、翻译", "可靠的回答：它常常听错"],
    "try": ["What is twelve times seven?", "Set a timer for five minutes.", "What time is it in Tokyo?"],
    "demonstration": True,
    "remember_turns": 8,  # of the twelve that it learned: with all, an answer in thirty has a broken word
    "sampling": {
        "transcribe": {"temperature": 0.0},
        "translate": {"temperature": 0.0},
        "chat": {"temperature": 0.0, "repetition_penalty": 1.0},
        # Its speech tokens are many that are nearly alike: without this a reply in thirty has a word too much.
        "speech": {"temperature": 0.0, "repetition_penalty": 1.0, "text_certainty": 9},
    },
    "flow_steps": FLOW_STEPS,
    "text_before_speech": 1,  # one id of text, four of speech, as in the rows that it learned
    "reads": {"language": "en", "characters_at_once": 160, "tokens_per_character": 3.5},
    "presets_not_offered": ["interpreter", "coach"],
}


def published(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    """Trained names and layouts → those of the published folder."""
    named = {}
    for name, array in weights.items():
        if name.startswith("letters."):
            continue
        if "conv" in name and array.ndim == 3:
            array = array.transpose(0, 2, 1)
        named[name.removeprefix("llm.")] = array.astype(mx.float16)
    return named


def stored(name: str, array: mx.array) -> dict[str, mx.array]:
    """One tensor as it is written: packed, or whole."""
    whole = array.ndim != 2 or not name.endswith(".weight") or any(part in name for part in _KEPT_WHOLE)
    if whole:
        return {name: mx.contiguous(array)}
    packed, scales, biases = mx.quantize(array, group_size=GROUP, bits=BITS)
    path = name.removesuffix(".weight")
    return {name: packed, f"{path}.scales": scales, f"{path}.biases": biases}


def write_weights(weights: dict[str, mx.array], folder: Path) -> None:
    """Shards of about 12 MB and their index."""
    shards: list[dict[str, mx.array]] = [{}]
    size = 0
    for name, array in sorted(published(weights).items()):
        if size > _SHARD_BYTES:
            shards.append({})
            size = 0
        shards[-1] |= stored(name, array)
        size += array.nbytes // (2 if array.ndim == 2 else 1)
    weight_map = {}
    for number, shard in enumerate(shards, 1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        mx.save_safetensors(str(folder / file), shard, {"format": "mlx"})
        weight_map |= dict.fromkeys(shard, file)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=0) + "\n")


def assemble(weights: Path, tokenizer: Path, token2wav: Path | None, folder: Path) -> None:
    """Write the folder; what is there of another name stays. Tokenizer and voice may be the folder's own."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("model-*.safetensors"):
        old.unlink()
    trained: dict[str, mx.array] = {}
    for path in sorted(weights.glob("weights-*.safetensors")):
        trained |= mx.load(str(path))
    write_weights(trained, folder)
    if tokenizer.resolve() != folder.resolve():
        shutil.copyfile(tokenizer / "tokenizer.json", folder / "tokenizer.json")
    config = {
        "architectures": ["StepAudio2ForCausalLM"],
        "model_type": "step_audio_2",
        "text_config": TEXT,
        "audio_encoder_config": AUDIO,
        "quantization": {"group_size": GROUP, "bits": BITS},
        "earshot": EARSHOT,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if token2wav and token2wav.resolve() != (folder / "token2wav").resolve():
        shutil.copytree(token2wav, folder / "token2wav", dirs_exist_ok=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("token2wav", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    assemble(options.weights, options.tokenizer, options.token2wav, options.folder)


if __name__ == "__main__":
    main()
