"""Put the voice half of the starter model together in the published layout, and check that the engine loads it.

    python packaging/starter/export_voice.py WEIGHTS resources/starter/token2wav

WEIGHTS is the folder the training scripts wrote: tokenizer, speaker, flow and vocoder as safetensors; what it lacks
stays as the folder has it. Flow and vocoder are stored as float16, the networks of a voice in 8 bits. The built-in
voice is made from a recording that flite speaks here, anew only when one of those networks is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mlx.core as mx
import numpy as np
from flow_pieces import CONFIG
from numpy.typing import NDArray
from speaker_network import SpeakerNetwork
from speaking_data import Speaker, speak, trimmed
from speech_tokenizer import SpeechTokenizer, TokenizerConfig
from torch_writer import write
from training import load

from engine.checkpoints.load_speaking import load_speaking
from engine.samples import resample
from engine.speaking.flow import FlowConfig

VOICE = "Ada"
VOICE_TEXT = "Good morning. I can tell you the time, and work out how much eleven times forty is. What shall I do?"


def flow_yaml(config: FlowConfig) -> str:
    """flow.yaml of a flow with these sizes, written as the published one."""
    encoder, estimator = config.encoder, config.estimator
    return f"""flow: !new:cosyvoice2.flow.flow.CausalMaskedDiffWithXvec
    input_size: {config.input_size}
    output_size: {config.output_size}
    spk_embed_dim: {config.spk_embed_dim}
    output_type: 'mel'
    vocab_size: {config.vocab_size}
    encoder: !new:cosyvoice2.transformer.upsample_encoder_v2.UpsampleConformerEncoderV2
        input_size: {encoder.input_size}
        output_size: {encoder.output_size}
        input_layer: 'linear'
        pre_lookahead_len: {encoder.pre_lookahead_len}
        num_blocks: {encoder.num_blocks}
        num_up_blocks: {encoder.num_up_blocks}
        up_stride: {encoder.up_stride}
        up_scale_factor: {encoder.up_stride}
        attention_heads: {encoder.attention_heads}
        pos_enc_layer_type: 'rel_pos_espnet'
        selfattention_layer_type: 'rel_selfattn'
        key_bias: {str(encoder.key_bias).lower()}
        linear_units: {encoder.linear_units}
        dropout_rate: 0.1
        positional_dropout_rate: 0.1
        attention_dropout_rate: 0.1
        normalize_before: True
    decoder: !new:cosyvoice2.flow.flow_matching.CausalConditionalCFM
        inference_cfg_rate: {config.guidance}
        estimator: !new:cosyvoice2.flow.decoder_dit.DiT
            in_channels: {estimator.in_channels}
            out_channels: {estimator.out_channels}
            mlp_ratio: {estimator.mlp_ratio}
            depth: {estimator.depth}
            num_heads: {estimator.num_heads}
            head_dim: {estimator.head_dim}
            hidden_size: {estimator.hidden_size}
"""


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


def voice_recording() -> NDArray[np.float32]:
    """The reply voice at 24 kHz, as flite's slt speaks it."""
    samples, rate_hz = speak(VOICE_TEXT, Speaker("flite", "slt"))
    return resample(trimmed(samples.astype(np.float32) / 32768.0, rate_hz), 48_000, 24_000)


def export(weights: Path, folder: Path) -> None:
    """Write the folder. Raises CheckpointError when the engine would not load it."""
    (folder / "voices").mkdir(parents=True, exist_ok=True)
    tokenizer, speaker = SpeechTokenizer(TokenizerConfig()), SpeakerNetwork()
    analysed = False
    for network, name, target in (
        (tokenizer, "tokenizer", "speech_tokenizer_v2_25hz.onnx"),
        (speaker, "speaker", "campplus.onnx"),
    ):
        if (weights / f"{name}.safetensors").exists():
            load(network, weights / f"{name}.safetensors")
            network.to_onnx(folder / target)
            analysed = True
    (folder / "flow.yaml").write_text(flow_yaml(CONFIG), encoding="utf-8")
    for name, target, published in (("flow", "flow.pt", published_flow), ("vocoder", "hift.pt", published_vocoder)):
        if (weights / f"{name}.safetensors").exists():
            write(folder / target, published(mx.load(str(weights / f"{name}.safetensors"))))
    speaking = load_speaking(folder)
    if analysed:
        speaking.analyse(voice_recording(), 24_000, VOICE).save(folder / "voices" / f"{VOICE}.safetensors")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    export(options.weights, options.folder)
    total = sum(path.stat().st_size for path in options.folder.rglob("*") if path.is_file())
    print(f"{options.folder}: {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
