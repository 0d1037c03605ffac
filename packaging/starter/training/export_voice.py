"""Put the voice half of the starter model together in the published layout, and check that the engine loads it.

    python -m starter.training.export_voice WEIGHTS resources/starter/token2wav [--weights kokoro.npz …]

WEIGHTS is the folder the training scripts wrote: tokenizer, speaker, flow and vocoder as safetensors; what it lacks
stays as the folder has it. Flow and vocoder are stored as float16, the networks of a voice in 8 bits. The built-in
voices are made from recordings that are spoken here, where it is said with what, or else from those of the folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.checkpoints.load_speaking import load_speaking
from engine.speaking.voice import Voice
from starter.networks.flow_pieces import CONFIG
from starter.networks.flow_yaml import flow_yaml
from starter.networks.network_sizes import VOCODER_LOUDER
from starter.networks.speaker_network import SpeakerNetwork
from starter.networks.speech_tokenizer import SpeechTokenizer
from starter.networks.torch_writer import write
from starter.speech.natural_lines import Studio, add_arguments, alone
from starter.speech.natural_voices import BUILT_IN, NAMES
from starter.training.mlx_steps import load
from starter.training.vocoder_level import louder

VOICE_TEXT = "Good morning. I can tell you the time, and work out sums. What shall I do for you?"


def published_flow(weights: dict[str, mx.array]) -> dict[str, NDArray]:
    """The flow's weights as PyTorch holds them: convolutions (out, in, k)."""
    return {name: _half(value.swapaxes(1, 2) if value.ndim == 3 else value) for name, value in weights.items()}


def published_vocoder(weights: dict[str, mx.array]) -> dict[str, NDArray]:
    """The vocoder's weights as PyTorch holds them: convolutions (out, in, k), transposed ones (in, out, k), each as
    direction and length (weight normalisation) except the source's first ones."""
    published = {}
    for name, value in weights.items():
        if value.ndim != 3:
            published[name] = _half(value)
            continue
        turned = value.transpose(2, 0, 1) if name.startswith("ups.") else value.swapaxes(1, 2)
        if name.startswith("source_downs."):
            published[name] = _half(turned)
            continue
        stem = name.removesuffix(".weight") + ".parametrizations.weight.original"
        kept = _half(turned)
        length = np.sqrt((kept.astype(np.float32) ** 2).sum(axis=(1, 2), keepdims=True))
        published[stem + "0"] = length.astype(np.float32)
        published[stem + "1"] = kept
    return published


def _half(value: mx.array) -> NDArray:
    return np.array(value.astype(mx.float32)).astype(np.float16)


def recordings(folder: Path, studio: Studio | None) -> dict[str, NDArray[np.float32]]:
    """Recordings of the built-in voices at 24 kHz by name: spoken now, or those that the folder's voices keep."""
    if studio is None:
        found = (Voice.load(path) for path in sorted(folder.glob("*.safetensors")))
        return {voice.name: voice.recording_24k for voice in found}
    return {NAMES[who]: alone(studio, VOICE_TEXT, speaker) for who, speaker in BUILT_IN.items()}


def export(weights: Path, folder: Path, studio: Studio | None = None) -> None:
    """Write the folder. Raises CheckpointError when the engine would not load it."""
    voices = folder / "voices"
    voices.mkdir(parents=True, exist_ok=True)
    if (path := weights / "tokenizer.safetensors").exists():
        SpeechTokenizer.of(mx.load(str(path))).to_onnx(folder / "speech_tokenizer_v2_25hz.onnx")
    if (path := weights / "speaker.safetensors").exists():
        speaker = SpeakerNetwork()
        load(speaker, path)
        speaker.to_onnx(folder / "campplus.onnx")
    (folder / "flow.yaml").write_text(flow_yaml(CONFIG), encoding="utf-8")
    if (path := weights / "flow.safetensors").exists():
        write(folder / "flow.pt", published_flow(mx.load(str(path))))
    if (path := weights / "vocoder.safetensors").exists():
        write(folder / "hift.pt", published_vocoder(louder(mx.load(str(path)), VOCODER_LOUDER)))
    speaking = load_speaking(folder)
    said = recordings(voices, studio)
    for old in voices.glob("*.safetensors"):
        old.unlink()
    for name, samples in said.items():
        speaking.analyse(samples, 24_000, name).save(voices / f"{name}.safetensors")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trained", type=Path, metavar="WEIGHTS")
    parser.add_argument("folder", type=Path)
    add_arguments(parser, required=False)
    options = parser.parse_args()
    export(options.trained, options.folder, Studio.opened(options) if options.weights else None)
    total = sum(path.stat().st_size for path in options.folder.rglob("*") if path.is_file())
    print(f"{options.folder}: {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
