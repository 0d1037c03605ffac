"""Checks of the voice's features, the flow and the vocoder, whole and in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.checkpoints.load_speaking import load_flow, load_vocoder
from engine.speaking.euler import VOICE_TAIL_FRAMES
from engine.speaking.flow import Flow, schedule
from engine.speaking.flow_stream import FlowState, FlowStream
from engine.speaking.noise import RecordedNoise
from engine.speaking.source import advances, excite
from engine.speaking.vocoder import Vocoder
from engine.speaking.vocoder_stream import fade
from engine.speaking.voice_features import fitted, kaldi_fbank, log_mel, voice_mel
from engine.speaking.voice_networks import VoiceNetworks
from tests.parity.goldens import Check, Entry, Goldens, Row, absolute, equal, relative

NETWORK, HALF_NETWORK = 1e-4, 1e-3
FEATURES = 1e-4
# The official code sums phases in float32. Ours are compared with float64, the recording with its own distance from it.
PHASES = 1e-4
QUIETEST_DB, HALF_QUIETEST_DB = -60.0, -55.0


def voice(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Everything a recording is turned into."""
    samples_16k, samples_24k = goldens.array(entry, "audio_16k"), goldens.array(entry, "audio_24k")
    networks = VoiceNetworks(goldens.checkpoint / "token2wav")
    yield relative(f"{entry.id} s3 log-mel", log_mel(samples_16k), goldens.array(entry, "s3_log_mel"), FEATURES)
    yield relative(f"{entry.id} Kaldi fbank", kaldi_fbank(samples_16k), goldens.array(entry, "fbank"), FEATURES)
    tokens = networks.speech_tokens(samples_16k, _flow(goldens).config.vocab_size)
    yield equal(f"{entry.id} speech tokens", tokens, goldens.array(entry, "speech_tokens")[0])
    embedding = goldens.array(entry, "speaker_embedding")[0]
    made = networks.embedding(samples_16k, len(embedding))
    yield relative(f"{entry.id} embedding", made, embedding, NETWORK)
    mel = voice_mel(samples_24k)
    yield relative(f"{entry.id} mel", mel, goldens.array(entry, "mel_24k")[0], FEATURES)
    prompt = goldens.array(entry, "prompt_mel")[0]
    yield relative(f"{entry.id} fitted mel", fitted(mel, 2 * len(tokens)), prompt, FEATURES)


def encoder(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """The token encoder over a whole utterance."""
    flow, tokens = _flow(goldens), _array(goldens, entry, "tokens")
    embedded = flow.input_embedding(tokens)
    yield _network(goldens, f"{entry.id} embedded", embedded, goldens.array(entry, "embedded"))
    yield _network(goldens, f"{entry.id} encoder", flow.encoder(embedded), goldens.array(entry, "encoder"))
    yield _network(goldens, f"{entry.id} projected", flow.conditioning(tokens), goldens.array(entry, "projected"))


def encoder_pieces(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """The token encoder in two pieces, with its caches."""
    flow = _flow(goldens)
    embedded = flow.input_embedding(_array(goldens, entry, "tokens"))
    half = goldens.array(entry, "out_0").shape[1] // 2
    first, kept = flow.encoder.step(embedded[:, : half + flow.encoder.look_ahead], None, last=False)
    yield _network(goldens, f"{entry.id} piece 0", first, goldens.array(entry, "out_0"))
    convolutions = mx.concatenate([kept.look_ahead, kept.doubling], axis=1).swapaxes(1, 2)
    yield _network(goldens, f"{entry.id} convolutions 0", convolutions, goldens.array(entry, "cnn_cache_0"))
    doubled = [mx.tile(layer, (1, 1, 1, 2, 1)) for layer in kept.first]
    attention = mx.stack([mx.concatenate([layer[0], layer[1]], axis=-1) for layer in [*doubled, *kept.second]])
    yield _network(goldens, f"{entry.id} attention 0", attention, goldens.array(entry, "att_cache_0"))
    second, kept = flow.encoder.step(embedded[:, half:], kept, last=True)
    yield _network(goldens, f"{entry.id} piece 1", second, goldens.array(entry, "out_1"))
    convolutions = mx.concatenate([kept.look_ahead, kept.doubling], axis=1).swapaxes(1, 2)
    yield _network(goldens, f"{entry.id} convolutions 1", convolutions, goldens.array(entry, "cnn_cache_1"))


def estimator(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """One call of the whole DiT."""
    network = _flow(goldens).estimator
    x, mu, cond = (_array(goldens, entry, name).swapaxes(1, 2) for name in ("x", "mu", "cond"))
    t, speaker = _array(goldens, entry, "t"), _array(goldens, entry, "spks")
    yield _network(goldens, f"{entry.id} time", network.t_embedder(t), goldens.array(entry, "t_embedding"))
    velocity = network(x, mx.ones(x.shape[:2], mx.bool_), mu, t, speaker, cond)
    yield _network(goldens, f"{entry.id} velocity", velocity.swapaxes(1, 2), goldens.array(entry, "out"))


def estimator_pieces(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """The DiT in two pieces, with its caches."""
    network = _flow(goldens).estimator
    x, mu, cond = (_array(goldens, entry, name).swapaxes(1, 2) for name in ("x", "mu", "cond"))
    speaker = mx.broadcast_to(_array(goldens, entry, "spks")[:, None], x.shape)
    time = network.t_embedder(_array(goldens, entry, "t"))
    hidden = network.in_proj(mx.concatenate([x, mu, speaker, cond], axis=-1))
    cut = goldens.array(entry, "out_0").shape[2]
    caches: list[tuple[Any, Any, Any]] = [((), (), None)] * len(network.blocks)
    for piece, part in enumerate((hidden[:, :cut], hidden[:, cut:])):
        for index, block in enumerate(network.blocks):
            part, (key, value), past = block(part, block.modulation(time), None, *caches[index])
            caches[index] = ([key], [value], past)
        out = network.final_layer(part, network.final_layer.modulation(time)).swapaxes(1, 2)
        yield _network(goldens, f"{entry.id} piece {piece}", out, goldens.array(entry, f"out_{piece}"))
        attention = mx.stack([mx.concatenate([key[0], value[0]], axis=-1) for key, value, _ in caches])
        convolutions = mx.stack([_convolutions(past) for _, _, past in caches])
        theirs = goldens.array(entry, f"att_cache_{piece}")
        yield _network(goldens, f"{entry.id} attention {piece}", attention, theirs)
        theirs = goldens.array(entry, f"cnn_cache_{piece}")
        yield _network(goldens, f"{entry.id} convolutions {piece}", convolutions, theirs)


def whole_flow(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Tokens to mel with the recorded noise; where recorded, x and t of every step as well."""
    flow, steps = _flow(goldens), int(entry.values["n_timesteps"])
    tokens, voice_tokens, voice_mel_, embedding = (
        _array(goldens, entry, name)[0] for name in ("tokens", "prompt_tokens", "prompt_mel", "embedding")
    )
    noise = _noise(goldens).rows(0, 2 * (len(tokens) + len(voice_tokens)))
    mel = flow(tokens, voice_tokens, voice_mel_, embedding, noise, steps=steps)
    yield _network(goldens, f"{entry.id} mel", mel.T, goldens.array(entry, "mel")[0])
    if "t_at_each_step" in entry.outputs:
        yield absolute(f"{entry.id} times", schedule(steps)[:-1], goldens.array(entry, "t_at_each_step"), 1e-6)
    if "mu" in entry.outputs:
        mu, speaker = flow.conditioning(mx.concatenate([voice_tokens, tokens])[None]), flow.speaker(embedding)
        yield _network(goldens, f"{entry.id} mu", mu.swapaxes(1, 2), goldens.array(entry, "mu"))
        yield _network(goldens, f"{entry.id} speaker", speaker, goldens.array(entry, "spks")[0])


def voice_caches(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """What the flow remembers after a voice was taken in."""
    _, state = _begun(goldens, entry)
    convolutions = mx.concatenate([state.encoder.look_ahead, state.encoder.doubling], axis=1).swapaxes(1, 2)
    theirs = goldens.array(entry, "conformer_cnn_cache")
    yield _network(goldens, f"{entry.id} encoder convolutions", convolutions, theirs)
    ours = mx.stack([mx.stack([_convolutions(past) for past in step.pasts]) for step in state.steps])
    yield _network(goldens, f"{entry.id} DiT convolutions", ours, goldens.array(entry, "estimator_cnn_cache"))
    part = goldens.array(entry, "estimator_att_cache_part")
    both = mx.concatenate([state.steps[0].keys[0], state.steps[0].values[0]], axis=-1)
    if both.shape[2] > state.voice_frames:  # places of the frames to come stand before the end of the voice
        head = both[:, :, : state.voice_frames - VOICE_TAIL_FRAMES]
        both = mx.concatenate([head, both[:, :, -VOICE_TAIL_FRAMES:]], axis=2)
    attention = both[:, :, -part.shape[2] :]
    yield _network(goldens, f"{entry.id} DiT attention", attention, part)


def stream(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Window by window: mel, cache lengths, and the vocoder with the recorded source.

    What it makes of a source of its own is not compared: the recording's phases are sums in float32, which differ from
    one machine to the next. `hift.source` compares ours with float64.
    """
    flow_stream, state = _begun(goldens, entry)
    vocoder = _vocoder(goldens)
    before: NDArray[np.float32] | None = None
    for index, chunk in enumerate(entry.values["chunks"]):
        yield equal(f"{entry.id} noise offset {index}", [state.frames], [chunk["noise_offset"]])
        mel, state = flow_stream.step(state, np.array(chunk["window"], np.int32), bool(chunk["last_chunk"]))
        theirs = goldens.array(entry, f"mel_{index}")
        yield _network(goldens, f"{entry.id} mel {index}", mel.T[None], theirs)
        window = (
            theirs[0].T
            if index == 0
            else np.concatenate([goldens.array(entry, f"mel_{index - 1}")[0].T[-8:], theirs[0].T])
        )
        recorded = goldens.array(entry, f"source_{index}")[0]
        made = np.array(vocoder.decode(mx.array(window)[None], mx.array(recorded)))[0]
        if f"vocoder_{index}" in entry.outputs:
            yield _noise_level(
                goldens, f"{entry.id} vocoder {index}", made, goldens.array(entry, f"vocoder_{index}")[0]
            )
        faded = made if before is None else fade(made, before, official=True)
        before = faded[-3840:]
        sent = faded if chunk["last_chunk"] else faded[:-3840]
        pcm = goldens.array(entry, f"pcm_{index}")
        if goldens.backend.half:
            yield _noise_level(goldens, f"{entry.id} PCM {index}", sent * 32767, pcm)
        else:
            yield absolute(f"{entry.id} PCM {index}", np.trunc(np.clip(sent, -1, 1) * 32767), pcm, 1)


def pitch(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """F0 of every frame."""
    mel = _array(goldens, entry, "mel").swapaxes(1, 2)
    yield relative(entry.id, _vocoder(goldens).f0_predictor(mel), goldens.array(entry, "f0"), NETWORK)


def source(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """The sine source: against the recording, and against the same in float64."""
    vocoder, f0 = _vocoder(goldens), _array(goldens, entry, "f0")
    config = vocoder.config
    phases = mx.cumsum(advances(f0, config.sample_rate_hz / config.hop_samples), axis=1)
    excitation = excite(f0, phases, config.harmonics, config.hop_samples, config.sample_rate_hz)
    exact = _sines(np.array(f0[0], np.float64), config.harmonics)
    yield from _beside_float64(f"{entry.id} sines", excitation.sines[0], goldens.array(entry, "sines"), exact)
    merged = vocoder.m_source(excitation, None)[0]
    yield from _beside_float64(f"{entry.id} source", merged, goldens.array(entry, "source"), _merged(vocoder, exact))


def vocoder_forward(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """Mel to waveform: with the recorded source, and with our own."""
    vocoder = _vocoder(goldens)
    mel = _array(goldens, entry, "mel").swapaxes(1, 2)
    recorded, waveform = _array(goldens, entry, "source")[0], goldens.array(entry, "waveform")
    yield _noise_level(goldens, f"{entry.id} waveform", vocoder.decode(mel, recorded), waveform)
    if entry.id == "hift.forward":
        f0 = vocoder.f0_predictor(mel)
        exact = _merged(vocoder, _sines(np.array(f0[0], np.float64), vocoder.config.harmonics))
        yield from _beside_float64(f"{entry.id} source", vocoder.source(f0)[0], np.array(recorded[0]), exact)


def merge(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """The cross-fade of two runs."""
    ours = fade(goldens.array(entry, "new")[0], goldens.array(entry, "old")[0], official=True)
    yield absolute(entry.id, ours, goldens.array(entry, "merged")[0], 1e-6)


def whole(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """The whole way from speech tokens to a waveform, the source as recorded."""
    prompt = goldens.entry("promptwav.default_female")
    flow, tokens = _flow(goldens), _array(goldens, entry, "tokens")[0]
    voice_tokens, mel, embedding = (
        _array(goldens, prompt, name)[0] for name in ("speech_tokens", "prompt_mel", "speaker_embedding")
    )
    noise = _noise(goldens).rows(0, 2 * (len(tokens) + len(voice_tokens)))
    made = flow(tokens, voice_tokens, mel, embedding, noise, steps=10)
    waveform = _vocoder(goldens).decode(made[None], _array(goldens, entry, "source")[0])
    yield _noise_level(goldens, f"{entry.id} waveform", waveform, goldens.array(entry, "waveform"))


def recorded_noise(goldens: Goldens, entry: Entry) -> Iterator[Row]:
    """The buffer that every other entry reads."""
    rows = _noise(goldens).rows(0, goldens.array(entry, "rand_noise").shape[2])
    yield equal(entry.id, rows.flatten().tolist(), goldens.array(entry, "rand_noise")[0].T.flatten().tolist())


def _network(goldens: Goldens, stage: str, ours: Any, theirs: NDArray[Any]) -> Row:
    """A network's outcome beside the recording; products in half precision may round more."""
    return relative(stage, ours, theirs, HALF_NETWORK if goldens.backend.half else NETWORK)


def _noise_level(goldens: Goldens, stage: str, ours: Any, theirs: NDArray[np.float32]) -> Row:
    """How far the difference lies below the signal."""
    quietest_db = HALF_QUIETEST_DB if goldens.backend.half else QUIETEST_DB
    ours = np.array(ours, np.float64)
    if ours.shape != theirs.shape:
        return Row(stage, float("inf"), quietest_db, "dB, shapes differ")
    error, signal = np.square(ours - theirs).sum(), np.square(theirs.astype(np.float64)).sum()
    return Row(stage, float(10 * np.log10(max(error, 1e-30) / signal)), quietest_db, "dB below the signal")


def _beside_float64(stage: str, ours: Any, theirs: NDArray[Any], exact: NDArray[np.float64]) -> Iterator[Row]:
    """Ours against float64; and against the recording, which may differ by its own distance from float64."""
    yield absolute(f"{stage} in float64", ours, exact, PHASES)
    yield absolute(stage, ours, theirs, float(np.abs(theirs - exact).max()) + PHASES)


def _merged(vocoder: Vocoder, sines: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = vocoder.m_source.l_linear
    return np.tanh(sines @ np.array(linear.weight[0], np.float64) + np.array(linear.bias, np.float64))


def _sines(f0: NDArray[np.float64], harmonics: int) -> NDArray[np.float64]:
    """SineGen2 in float64, noise and start phase zero."""
    cycles = f0[:, None] * np.arange(1, harmonics + 1) / 24_000
    middles = np.cumsum(cycles % 1, axis=0) * 480
    place = np.clip((np.arange(len(f0) * 480) + 0.5) / 480 - 0.5, 0, len(f0) - 1)
    phase = np.stack([np.interp(place, np.arange(len(f0)), middles[:, h]) for h in range(harmonics)], axis=1)
    return 0.1 * np.sin(2 * np.pi * phase) * np.repeat(f0 > 10, 480)[:, None]


def _convolutions(past: tuple[mx.array, mx.array]) -> mx.array:
    return mx.concatenate([past[0], past[1]], axis=-1).swapaxes(-1, -2)


def _begun(goldens: Goldens, entry: Entry) -> tuple[FlowStream, FlowState]:
    flow_stream = FlowStream(_flow(goldens), _noise(goldens), steps=10)
    voice_ = (_array(goldens, entry, name)[0] for name in ("prompt_tokens", "prompt_mel", "embedding"))
    return flow_stream, flow_stream.begin(*voice_)


def _array(goldens: Goldens, entry: Entry, name: str) -> mx.array:
    return mx.array(goldens.array(entry, name))


def _noise(goldens: Goldens) -> RecordedNoise:
    return RecordedNoise(goldens.array(goldens.entry("flow.noise"), "rand_noise")[0].T)


@cache
def _flow(goldens: Goldens) -> Flow:
    return load_flow(goldens.checkpoint / "token2wav", goldens.backend)


@cache
def _vocoder(goldens: Goldens) -> Vocoder:
    return load_vocoder(goldens.checkpoint / "token2wav", goldens.backend)


CHECKS: dict[str, Check] = {
    "promptwav.": voice,
    "flow.noise": recorded_noise,
    "flow.encoder": encoder,
    "flow.encoder_chunks": encoder_pieces,
    "flow.estimator": estimator,
    "flow.estimator_chunks": estimator_pieces,
    "flow.small_": whole_flow,
    "flow.inference_": whole_flow,
    "flow.setup_cache": voice_caches,
    "hift.f0": pitch,
    "hift.source": source,
    "hift.forward": vocoder_forward,
    "hift.decode": vocoder_forward,
    "hift.fade": merge,
    "token2wav.call": whole,
    "token2wav.stream": stream,
}
