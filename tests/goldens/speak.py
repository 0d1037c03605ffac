"""Records voices, the flow and the vocoder: the step-audio2 wheel's own modules on a least token2wav folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
import torch.nn.functional as functional

from tests.benchmarks.speech_contestant import official_flow, official_vocoder
from tests.goldens.recorder import Recorder

STEPS, FEWER_STEPS = 10, 5
_CLIP, _ID = "good_morning.wav", "promptwav.good_morning"
_WINDOW, _HOP, _OVERLAP = 28, 25, 3840
_NOISE_FRAMES = 420


def record(recorder: Recorder, checkpoint: Path, clips: Path, seed: int) -> None:
    """Run every stage. The folder comes from `python -m tests.goldens.speaking_part`, in the engine's interpreter."""
    torch.manual_seed(seed)
    torch.set_grad_enabled(False)
    folder = checkpoint / "token2wav"
    flow, vocoder = official_flow(folder), official_vocoder(folder)
    flow.eval()
    vocoder.eval()
    noise = torch.randn(1, 80, _NOISE_FRAMES)
    flow.decoder.rand_noise[:, :, :_NOISE_FRAMES] = noise
    recorder.entry("flow.noise", "decoder.rand_noise of every flow entry", outputs={"rand_noise": noise.numpy()})
    voice = _voice(recorder, folder, clips / _CLIP)
    _encoder(recorder, flow)
    _estimator(recorder, flow)
    _whole_flow(recorder, flow, voice)
    _vocoder(recorder, vocoder)
    _stream(recorder, flow, vocoder, voice)


def _voice(recorder: Recorder, folder: Path, clip: Path) -> dict[str, Any]:
    """The recording's features as Token2wav._prepare_prompt makes them, its parts called one by one."""
    import onnxruntime
    import s3tokenizer
    import soxr
    import torchaudio.compliance.kaldi as kaldi
    from flashcosyvoice.utils.audio import mel_spectrogram

    samples, rate_hz = soundfile.read(clip, dtype="float32")
    assert rate_hz == 16_000
    samples_24k = soxr.resample(samples, 16_000, 24_000).astype(np.float32)
    sound = torch.from_numpy(samples)
    log_mel = s3tokenizer.log_mel_spectrogram(sound)
    fbank = kaldi.fbank(sound[None], num_mel_bins=80, dither=0, sample_frequency=16000)
    fbank = fbank - fbank.mean(dim=0, keepdim=True)

    def run(name: str, *inputs: Any) -> Any:
        session = onnxruntime.InferenceSession(str(folder / name), providers=["CPUExecutionProvider"])
        return session.run(None, {one.name: value for one, value in zip(session.get_inputs(), inputs, strict=True)})[0]

    length = np.array([log_mel.shape[1]], np.int32)
    tokens = run("speech_tokenizer_v2_25hz.onnx", log_mel[None].numpy(), length)
    embedding = run("campplus.onnx", fbank[None].numpy())
    mel = mel_spectrogram(torch.from_numpy(samples_24k)[None]).transpose(1, 2)
    fitted = functional.pad(mel, (0, 0, 0, 2 * tokens.shape[1] - mel.shape[1]), mode="replicate")
    outputs = {
        "s3_log_mel": log_mel.numpy(),
        "speech_tokens": tokens,
        "fbank": fbank.numpy(),
        "speaker_embedding": embedding,
        "mel_24k": mel.numpy(),
        "prompt_mel": fitted.numpy(),
    }
    inputs = {"audio_16k": samples, "audio_24k": samples_24k}
    recorder.entry(
        _ID, "s3tokenizer, torchaudio and flashcosyvoice features; ONNX files by onnxruntime", inputs, outputs
    )
    return {
        name: torch.from_numpy(np.array(outputs[name])) for name in ("speech_tokens", "prompt_mel", "speaker_embedding")
    }


def _encoder(recorder: Recorder, flow: Any) -> None:
    tokens = torch.randint(0, 6561, (1, 23))
    embedded = flow.input_embedding(tokens)
    encoded, _ = flow.encoder(embedded, torch.tensor([23]))
    recorder.entry(
        "flow.encoder",
        "input_embedding, encoder, encoder_proj",
        {"tokens": tokens.int().numpy()},
        {
            "embedded": embedded.numpy(),
            "encoder": encoded.numpy(),
            "projected": flow.encoder_proj(encoded).numpy(),
        },
    )
    first, convolutions, attention = flow.encoder.forward_chunk(embedded[:, :13], False, None, None)
    second, after, _ = flow.encoder.forward_chunk(embedded[:, 10:], True, convolutions, attention)
    recorder.entry(
        "flow.encoder_chunks",
        "encoder.forward_chunk on tokens 0..12, then 10..22 as the last",
        {"tokens": "flow.encoder/tokens"},
        {
            "out_0": first.numpy(),
            "out_1": second.numpy(),
            "cnn_cache_0": convolutions.numpy(),
            "att_cache_0": attention.numpy(),
            "cnn_cache_1": after.numpy(),
        },
    )


def _estimator(recorder: Recorder, flow: Any) -> None:
    network = flow.decoder.estimator
    given = {name: torch.randn(2, 80, 24) for name in ("x", "mu", "cond")}
    given |= {"t": torch.tensor([0.1, 0.7]), "spks": torch.randn(2, 80)}
    out = network(given["x"], torch.ones(2, 1, 24), given["mu"], given["t"], given["spks"], given["cond"])
    time = network.t_embedder(given["t"])
    inputs = {name: value.numpy() for name, value in given.items()}
    outputs = {"t_embedding": time.numpy(), "out": out.numpy()}
    recorder.entry("flow.estimator", "DiT.forward, two items", inputs, outputs)
    outputs, caches = {}, (None, None)
    for piece, part in enumerate((slice(0, 10), slice(10, 24))):
        out, convolutions, attention = network.forward_chunk(
            given["x"][..., part], given["mu"][..., part], given["t"], given["spks"], given["cond"][..., part], *caches
        )
        caches = (convolutions.clone(), attention.clone())
        outputs |= {f"out_{piece}": out.numpy(), f"cnn_cache_{piece}": caches[0].numpy()}
        outputs[f"att_cache_{piece}"] = caches[1].numpy()
    stored = {name: f"flow.estimator/{name}" for name in inputs}
    recorder.entry("flow.estimator_chunks", "DiT.forward_chunk on frames 0..9, then 10..23", stored, outputs)


def _whole_flow(recorder: Recorder, flow: Any, voice: dict[str, Any]) -> None:
    tokens = torch.randint(0, 6561, (1, 14))
    prompt, mel, embedding = voice["speech_tokens"], voice["prompt_mel"], voice["speaker_embedding"]
    stored = {
        "prompt_tokens": f"{_ID}/speech_tokens",
        "prompt_mel": f"{_ID}/prompt_mel",
        "embedding": f"{_ID}/speaker_embedding",
    }

    def length(value: Any) -> Any:
        return torch.tensor([value.shape[1]])

    for steps in (STEPS, FEWER_STEPS):
        made = flow.inference(tokens, length(tokens), prompt, length(prompt), mel, length(mel), embedding, steps)
        given = tokens.int().numpy() if steps == STEPS else f"flow.small_{STEPS}/tokens"
        recorder.entry(
            f"flow.small_{steps}",
            "CausalMaskedDiffWithXvec.inference",
            {"tokens": given, **stored},
            {"mel": made.numpy()},
            n_timesteps=steps,
        )


def _vocoder(recorder: Recorder, vocoder: Any) -> None:
    mel = torch.randn(1, 80, 14) - 3
    f0 = vocoder.f0_predictor(mel)
    recorder.entry("hift.f0", "f0_predictor", {"mel": mel.numpy()}, {"f0": f0.numpy()})
    pitch = 120 + 60 * torch.rand(1, 9)
    pitch[:, 4:6] = 3.0
    with _Quiet():
        sines, voiced, _ = vocoder.m_source.l_sin_gen(vocoder.f0_upsamp(pitch[:, None]).transpose(1, 2))
        source, _, _ = vocoder.m_source(vocoder.f0_upsamp(pitch[:, None]).transpose(1, 2))
        waveform, own = vocoder(mel)
    outputs = {"sines": sines[0].numpy(), "voiced": voiced[0, :, 0].numpy(), "source": source[0, :, 0].numpy()}
    recorder.entry("hift.source", "SourceModuleHnNSF2 without noise", {"f0": pitch.numpy()}, outputs)
    outputs = {"source": own.numpy(), "waveform": waveform.numpy()}
    recorder.entry("hift.forward", "HiFTGenerator.forward without noise", {"mel": "hift.f0/mel"}, outputs)
    faded = [np.random.default_rng(0).standard_normal((1, size)).astype(np.float32) for size in (5000, _OVERLAP)]
    window = np.hamming(2 * _OVERLAP)
    merged = faded[0].copy()
    merged[:, :_OVERLAP] = merged[:, :_OVERLAP] * window[:_OVERLAP] + faded[1] * window[_OVERLAP:]
    given = {"new": faded[0], "old": faded[1]}
    recorder.entry("hift.fade", "token2wav.fade_in_out's formula", given, {"merged": merged})


def _stream(recorder: Recorder, flow: Any, vocoder: Any, voice: dict[str, Any]) -> None:
    """Token2wav.set_stream_cache and .stream, call by call."""
    prompt, mel_of_voice, embedding = voice["speech_tokens"], voice["prompt_mel"], voice["speaker_embedding"]
    state = flow.setup_cache(torch.cat([prompt, prompt[:, :3]], dim=1), mel_of_voice, embedding, n_timesteps=STEPS)
    tokens = torch.randint(0, 6561, (1, 3 * _HOP + 5))
    frames = mel_of_voice.shape[1]
    outputs: dict[str, Any] = {}
    chunks = []
    mel, source, before = torch.zeros(1, 80, 0), torch.zeros(1, 1, 0), None
    for index, start in enumerate(range(0, tokens.shape[1], _HOP)):
        last = tokens.shape[1] - start <= _WINDOW
        window = tokens[:, start:] if last else tokens[:, start : start + _WINDOW]
        offset = state["estimator_att_cache"].shape[4]
        made, state = flow.inference_chunk(window, embedding, state, last, STEPS)
        made = made.clone()
        attention = state["estimator_att_cache"]
        if attention.shape[4] > frames + 100:
            kept = [attention[:, :, :, :, :frames], attention[:, :, :, :, -100:]]
            state["estimator_att_cache"] = torch.cat(kept, dim=4)
        mel = torch.cat([mel, made], dim=2)
        with _Quiet():
            samples, source = vocoder(mel, source)
        samples = samples.clone()
        if before is not None:
            fade = torch.from_numpy(np.hamming(2 * _OVERLAP))
            samples[:, :_OVERLAP] = samples[:, :_OVERLAP] * fade[:_OVERLAP] + before * fade[_OVERLAP:]
        sent = samples if last else samples[:, :-_OVERLAP]
        outputs |= {f"mel_{index}": made.numpy(), f"source_{index}": source.numpy()}
        outputs[f"pcm_{index}"] = (np.clip(sent[0].numpy(), -1, 1) * 32767).astype(np.int16)
        mel, source, before = mel[..., -8:].clone(), source[:, :, -_OVERLAP:].clone(), samples[:, -_OVERLAP:].clone()
        chunks.append({"window": window[0].tolist(), "last_chunk": last, "noise_offset": offset})
        if last:
            break
    stored = {
        "prompt_tokens": f"{_ID}/speech_tokens",
        "prompt_mel": f"{_ID}/prompt_mel",
        "embedding": f"{_ID}/speaker_embedding",
    }
    recorder.entry(
        "token2wav.stream", "setup_cache, inference_chunk, HiFT, fade and PCM", stored, outputs, chunks=chunks
    )


class _Quiet:
    """Random numbers are zero inside, so that the source has no noise."""

    def __enter__(self) -> None:
        self._before = (torch.randn_like, torch.rand)
        torch.randn_like = torch.zeros_like
        torch.rand = lambda *size, **options: torch.zeros(*size, **options)

    def __exit__(self, *error: object) -> None:
        torch.randn_like, torch.rand = self._before
