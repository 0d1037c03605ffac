"""One contestant of the speech benchmark, in a process and an interpreter of its own.

    python speech_contestant.py earshot|official|mlx-audio FOLDER INPUTS [--openblas]

Reads commands from stdin, one a line, and answers each with a line of JSON:

    whole N FILE      speak N tokens at once; with a FILE other than "-" the mel and samples go there
    stream N [MOST_S] the first N tokens in pieces, or as many as MOST_S seconds allow: total time, time to the first
                      sound, memory at each tenth of the pieces but the last, which may be larger

What fails is answered with its error, and the next command is read.
"""

from __future__ import annotations

import ctypes
import importlib.machinery
import importlib.metadata
import json
import resource
import sys
import time
import traceback
import types
from pathlib import Path
from typing import Any

import numpy as np

_MOST_CACHED = 16 << 30  # bytes of freed arrays


class Earshot:
    """Ours: the synthesizer's own parts, with the given noise so that results can be compared."""

    def __init__(self, folder: Path, inputs: dict[str, Any]) -> None:
        sys.path.insert(0, str(Path(__file__).parents[2]))
        import engine  # noqa: F401, I001 (chooses the BLAS before mlx is loaded)
        import mlx.core as mx
        from engine.checkpoints.load_speaking import load_speaking
        from engine.speaking import Voice
        from engine.speaking.noise import RecordedNoise

        self.mx = mx
        self.speaking = load_speaking(folder)
        self.voice = Voice("voice", inputs["voice_tokens"], inputs["embedding"], inputs["mel"])
        self.inputs = {name: mx.array(value) for name, value in inputs.items()}
        self.noise = RecordedNoise(inputs["noise"])
        self.prepared: Any = None

    def whole(self, count: int) -> tuple[Any, Any]:
        mx, given = self.mx, self.inputs
        tokens = given["tokens"][:count]
        noise = self.noise.rows(0, 2 * (len(given["voice_tokens"]) + count))
        mel = self.speaking.flow(tokens, given["voice_tokens"], given["mel"], given["embedding"], noise)
        vocoder = self.speaking.vocoder
        samples = vocoder(mel[None], mx.random.normal((1, 960 * count)))
        mx.eval(samples)
        return mel, samples

    def streamed(self, count: int) -> Any:
        from engine.conversation.speaking_along.pace import Pace
        from engine.conversation.speaking_along.voicing import Voicing
        from engine.speaking import Synthesizer

        pace = Pace()
        made = Synthesizer(self.speaking.flow, self.speaking.vocoder, self.voice, start=self.prepared)
        self.prepared = made.prepare()
        tokens = np.array(self.inputs["tokens"])

        def pieces() -> Any:
            voicing = Voicing(made, pace)
            for token in np.resize(tokens, count).tolist():
                voicing.add_token(token)
            for speech in voicing.rest():
                yield speech.samples_24k

        return pieces

    def memory(self) -> int:
        """Bytes held for arrays now."""
        return int(self.mx.get_active_memory())


class Official:
    """The step-audio2 wheel's flow and vocoder in PyTorch, on the GPU if there is one."""

    def __init__(self, folder: Path, inputs: dict[str, Any]) -> None:
        import torch

        self.torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.flow = official_flow(folder).to(self.device).eval()
        self.vocoder = official_vocoder(folder).to(self.device).eval()
        self.inputs = {name: torch.from_numpy(value).to(self.device) for name, value in inputs.items()}
        noise = self.inputs["noise"].T[None]
        self.flow.decoder.rand_noise[:, :, : noise.shape[2]] = noise
        self.window = torch.from_numpy(np.hamming(2 * 3840)).to(self.device)

    def _done(self) -> None:
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def whole(self, count: int) -> tuple[Any, Any]:
        torch, given = self.torch, self.inputs

        def length(value: Any) -> Any:
            return torch.tensor([value.shape[1]], dtype=torch.int32, device=self.device)

        tokens, voice, mel = given["tokens"][None, :count], given["voice_tokens"][None], given["mel"][None]
        made = self.flow.inference(
            tokens, length(tokens), voice, length(voice), mel, length(mel), given["embedding"][None], 10
        )
        samples, _ = self.vocoder(speech_feat=made)
        self._done()
        return made[0].T.cpu().numpy(), samples

    def streamed(self, count: int) -> Any:
        torch, given = self.torch, self.inputs
        voice = given["voice_tokens"][None]
        window = torch.cat([voice, voice[:, :3]], dim=1)
        cache = self.flow.setup_cache(window, given["mel"][None], given["embedding"][None], n_timesteps=10)
        self._done()
        tokens = given["tokens"].repeat(-(-count // len(given["tokens"])))[None, :count]
        frames = given["mel"].shape[0]

        def pieces() -> Any:
            state, at = cache, 0
            mel = torch.zeros(1, 80, 0, device=self.device)
            source = torch.zeros(1, 1, 0, device=self.device)
            before = None
            while at < count:
                last = count - at <= 28
                part = tokens[:, at:] if last else tokens[:, at : at + 28]
                made, state = self.flow.inference_chunk(
                    token=part, spk=given["embedding"][None], cache=state, last_chunk=last, n_timesteps=10
                )
                attention = state["estimator_att_cache"]
                if attention.shape[4] > frames + 100:
                    state["estimator_att_cache"] = torch.cat(
                        [attention[:, :, :, :, :frames], attention[:, :, :, :, -100:]], dim=4
                    )
                mel = torch.cat([mel, made], dim=2)
                samples, source = self.vocoder(mel, source)
                if before is not None:
                    samples = samples.clone()
                    samples[..., :3840] = samples[..., :3840] * self.window[:3840] + before * self.window[3840:]
                mel, source, before = mel[..., -8:], source[:, :, -3840:], samples[:, -3840:]
                yield (samples if last else samples[:, :-3840]).cpu().numpy()[0]
                at = count if last else at + 25

        return pieces

    def memory(self) -> int:
        """Bytes held for tensors now, on a GPU."""
        return int(self.torch.cuda.memory_allocated()) if self.device == "cuda" else 0


def official_flow(folder: Path) -> Any:
    """CausalMaskedDiffWithXvec as flow.yaml describes it, with the weights of flow.pt."""
    import torch
    import yaml

    sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))
    from cosyvoice2.flow.decoder_dit import DiT
    from cosyvoice2.flow.flow import CausalMaskedDiffWithXvec
    from cosyvoice2.flow.flow_matching import CausalConditionalCFM
    from cosyvoice2.transformer.upsample_encoder_v2 import UpsampleConformerEncoderV2

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, tag, node: loader.construct_mapping(node, deep=True))
    sizes = yaml.load((folder / "flow.yaml").read_text(), Loader=Loader)["flow"]
    encoder, decoder = UpsampleConformerEncoderV2(**sizes.pop("encoder")), sizes.pop("decoder")
    # The official class works only where input and output are equally wide; ours scales by the input's width.
    width = encoder.output_size()
    encoder.up_embed.out[0] = torch.nn.Linear(width, width)
    encoder.embed.pos_enc.xscale = sizes["input_size"] ** 0.5
    solver = CausalConditionalCFM(DiT(**decoder["estimator"]), decoder["inference_cfg_rate"])
    flow = CausalMaskedDiffWithXvec(**sizes, encoder=encoder, decoder=solver)
    if decoder["estimator"]["hidden_size"] != 512:
        _resize_official_buffers(flow, decoder["estimator"], torch)
    flow.load_state_dict(torch.load(folder / "flow.pt", weights_only=True), strict=True)
    return flow


def official_vocoder(folder: Path) -> Any:
    """HiFTGenerator of the sizes of hift.pt."""
    import torch
    from flashcosyvoice.modules.hifigan import ConvRNNF0Predictor, HiFTGenerator

    weights = torch.load(folder / "hift.pt", weights_only=True)
    weights = {name.replace("generator.", ""): value for name, value in weights.items()}
    predictor = ConvRNNF0Predictor(cond_channels=weights["f0_predictor.classifier.weight"].shape[1])
    stages = len({name.split(".")[1] for name in weights if name.startswith("ups.")})
    blocks = len({name.split(".")[1] for name in weights if name.startswith("resblocks.")}) // stages

    def kernel(block: int, kind: str) -> int:
        stem = f"{kind}.{block}.convs1.0"
        stored = weights.get(f"{stem}.weight", weights.get(f"{stem}.parametrizations.weight.original1"))
        return int(stored.shape[2])

    vocoder = HiFTGenerator(
        base_channels=len(weights["conv_pre.bias"]),
        f0_predictor=predictor,
        resblock_kernel_sizes=[kernel(block, "resblocks") for block in range(blocks)],
        resblock_dilation_sizes=[[1, 3, 5]] * blocks,
        source_resblock_kernel_sizes=[kernel(stage, "source_resblocks") for stage in range(stages)],
    )
    if "conv_pre.weight" in weights:  # stored without weight normalisation
        for module in vocoder.modules():
            if torch.nn.utils.parametrize.is_parametrized(module, "weight"):
                torch.nn.utils.parametrize.remove_parametrizations(module, "weight")
    vocoder.load_state_dict(weights, strict=True)
    return vocoder


def _resize_official_buffers(flow: Any, sizes: dict[str, Any], torch: Any) -> None:
    """The official caches have the full model's size written into them."""
    depth, heads, width, hidden = sizes["depth"], sizes["num_heads"], 2 * sizes["head_dim"], 2 * sizes["hidden_size"]
    flow.decoder.estimator.att_cache_buffer = torch.zeros(depth, 2, heads, 1000, width)
    flow.decoder.estimator.cnn_cache_buffer = torch.zeros(depth, 2, hidden, 2)
    flow.decoder.att_cache_buffer = torch.zeros(16, depth, 2, heads, 1000, width)
    flow.decoder.cnn_cache_buffer = torch.zeros(16, depth, 2, hidden, 2)


class MlxAudio:
    """mlx-audio's port. It has the full size only, and no streaming."""

    def __init__(self, folder: Path, inputs: dict[str, Any]) -> None:
        _open_packages("mlx_audio")
        import mlx.core as mx

        sys.path.append(str(Path(__file__).parents[2]))
        from mlx_audio.codec.models.stepaudio2.convert import sanitize_flow_weights, sanitize_hift_weights
        from mlx_audio.codec.models.stepaudio2.flow import CausalMaskedDiffWithXvec
        from mlx_audio.codec.models.stepaudio2.hift import StepAudio2HiFTGenerator

        from engine.checkpoints.torch_file import read

        self.mx = mx
        self.flow, self.vocoder = CausalMaskedDiffWithXvec(), StepAudio2HiFTGenerator()
        flow = sanitize_flow_weights(self.flow, read(folder / "flow.pt"))
        self.flow.load_weights(list(flow.items()), strict=True)
        self.vocoder.load_weights(list(sanitize_hift_weights(self.vocoder, read(folder / "hift.pt")).items()))
        self.flow.eval()
        self.vocoder.eval()
        mx.eval(self.flow.parameters(), self.vocoder.parameters())
        self.inputs = {name: mx.array(value) for name, value in inputs.items()}
        self.flow.decoder.rand_noise = self.inputs["noise"].T[None]

    def whole(self, count: int) -> tuple[Any, Any]:
        mx, given = self.mx, self.inputs
        voice, mel = given["voice_tokens"][None], given["mel"][None]
        made = self.flow.inference(
            given["tokens"][None, :count],
            mx.array([count]),
            voice,
            mx.array([voice.shape[1]]),
            mel,
            mx.array([mel.shape[1]]),
            given["embedding"][None],
            n_timesteps=10,
        )
        samples, _ = self.vocoder.inference(speech_feat=made)
        mx.eval(samples)
        return made[0].T, samples


class _BarePackages:
    """Finds a package's modules without running its __init__ files, which import what only other models need."""

    def __init__(self, root: str) -> None:
        self._root = root

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        del target
        if name.split(".")[0] != self._root:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or not spec.submodule_search_locations:
            return spec
        bare = importlib.machinery.ModuleSpec(name, None, is_package=True)
        bare.submodule_search_locations = spec.submodule_search_locations
        return bare


def _open_packages(root: str) -> None:
    sys.meta_path.insert(0, _BarePackages(root))  # type: ignore[arg-type]


def main() -> None:
    """Answer commands until stdin ends."""
    kind, folder, inputs = sys.argv[1], Path(sys.argv[2]), dict(np.load(sys.argv[3]))
    if "--openblas" in sys.argv:
        ctypes.CDLL("libopenblas.so.0", mode=ctypes.RTLD_GLOBAL)
    contestant = {"earshot": Earshot, "official": Official, "mlx-audio": MlxAudio}[kind](folder, inputs)
    device, versions = _about(contestant)
    print(json.dumps({"ready": kind, "device": device, "versions": versions}), flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        try:
            answer = _whole(contestant, *arguments) if command == "whole" else _stream(contestant, *arguments)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def _about(contestant: Any) -> tuple[str, str]:
    """The device and the versions of what computes. MLX then keeps no more freed memory than leaves room for others."""
    if isinstance(contestant, Official):
        torch = contestant.torch
        cuda = contestant.device == "cuda"
        return torch.cuda.get_device_name() if cuda else "cpu", f"torch {torch.__version__}"
    mx = contestant.mx
    version = f"mlx {mx.__version__}"
    if isinstance(contestant, MlxAudio):
        version += f", mlx-audio {importlib.metadata.version('mlx-audio')}"
    if mx.default_device().type != mx.DeviceType.gpu:
        return "cpu", version
    mx.set_cache_limit(_MOST_CACHED)
    return str(mx.device_info().get("device_name", "gpu")), version


def _whole(contestant: Any, count: str, file: str) -> dict[str, Any]:
    began = time.perf_counter()
    mel, samples = contestant.whole(int(count))
    seconds = time.perf_counter() - began
    if file != "-":
        np.savez(file, mel=np.array(mel), samples=_plain(samples))
    return {"seconds": seconds}


def _stream(contestant: Any, count: str, most_s: str = "inf") -> dict[str, Any]:
    pieces = contestant.streamed(int(count))
    began = time.perf_counter()
    first, lengths, peaks, held = 0.0, [], [], []
    for piece in pieces():
        first = first or time.perf_counter() - began
        lengths.append(len(piece))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        held.append(contestant.memory())
        if time.perf_counter() - began > float(most_s):
            break
    seconds = time.perf_counter() - began
    tenths = slice(None, max(1, len(peaks) - 1), max(1, len(peaks) // 10))
    answer = {"seconds": seconds, "first": first, "samples": sum(lengths), "pieces": len(peaks)}
    return answer | {"first_pieces": lengths[:8], "resident_kb": peaks[tenths], "held_bytes": held[tenths]}


def _plain(samples: Any) -> Any:
    if hasattr(samples, "detach"):
        samples = samples.detach().cpu().numpy()
    return np.array(samples).reshape(-1)


if __name__ == "__main__":
    main()
