"""Records hearing, prompts and the language model."""

from __future__ import annotations

import json
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
import soundfile
import torch
from safetensors.torch import load_file, save_file
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from tests.goldens.official import official_utils, stepaudio2
from tests.goldens.recorder import Recorder
from tests.goldens.torch_networks import Model

ADAPTOR_WIDTH = 96
STEPS = 24
_WINDOW = 400_000
_SHORT, _OTHER = "good_morning.wav", "what_time.wav"
_TALK = "You are a helpful assistant."
_NETWORKS = " (networks: tests/goldens/torch_networks.py in float32, weights stored in bfloat16)"
_TOOLS = json.dumps(
    [{"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {}}}}]
)


def record(recorder: Recorder, checkpoint: Path, clips: Path, seed: int) -> None:
    """Write the hearing and language part of the checkpoint, then run the official code on it."""
    torch.manual_seed(seed)
    torch.set_grad_enabled(False)
    ids = _special_ids(checkpoint)
    model = _make_model(checkpoint, ids)
    sounds = {name: _samples(clips / name) for name in (_SHORT, _OTHER)}
    official = _Official(checkpoint, model, ids, sounds)
    mels = _front_end(recorder, sounds)
    _encoder(recorder, model, mels, seed)
    prompts = _prompts(recorder, official, ids)
    _tokenizer(recorder, official)
    _language(recorder, model, official, prompts)


def _special_ids(checkpoint: Path) -> dict[str, int]:
    added = json.loads((checkpoint / "tokenizer.json").read_text())["added_tokens"]
    return {token["content"]: token["id"] for token in added}


def _make_model(checkpoint: Path, ids: dict[str, int]) -> Model:
    """Random weights, a little livelier than the usual start so that scores differ; stored in two shards."""
    size = max(ids.values()) + 1
    config = {
        "architectures": ["StepAudio2ForCausalLM"],
        "model_type": "step_audio_2",
        "text_config": {
            "hidden_size": 32,
            "intermediate_size": 72,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "num_hidden_layers": 2,
            "vocab_size": -(-size // 64) * 64,
            "rms_norm_eps": 1e-6,
            "rope_theta": 1000000.0,
            "max_position_embeddings": 4096,
            "eos_token_id": ids["<|endoftext|>"],
            "pad_token_id": ids["<|endoftext|>"],
            "torch_dtype": "bfloat16",
        },
        "audio_encoder_config": {
            "n_mels": 128,
            "n_audio_ctx": 1500,
            "n_audio_state": 24,
            "n_audio_head": 3,
            "n_audio_layer": 2,
            "n_codebook_size": 4096,
            "llm_dim": 32,
            "kernel_size": 3,
            "adapter_stride": 2,
        },
    }
    (checkpoint / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    model = Model(config, ADAPTOR_WIDTH, ids).eval()
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1 and "bias" not in name:
            parameter.copy_(1 + 0.2 * torch.randn(parameter.shape))
        elif "embed" in name or "lm_head" in name:
            parameter.copy_(torch.randn(parameter.shape))
        else:
            parameter.copy_(torch.randn(parameter.shape) * 1.5 * parameter[0].numel() ** -0.5)
        parameter.copy_(parameter.bfloat16().float())
    weights = {_published(name): tensor.bfloat16() for name, tensor in model.state_dict().items()}
    _store(checkpoint, weights)
    return model


def _published(name: str) -> str:
    return name.removeprefix("llm.")


def _store(checkpoint: Path, weights: dict[str, torch.Tensor]) -> None:
    names = sorted(weights)
    half = len(names) // 2
    shards = {"model-00001-of-00002.safetensors": names[:half], "model-00002-of-00002.safetensors": names[half:]}
    for file, members in shards.items():
        save_file({name: weights[name].contiguous() for name in members}, checkpoint / file, {"format": "pt"})
        assert set(load_file(checkpoint / file)) == set(members)
    index = {
        "metadata": {"total_size": sum(tensor.numel() * 2 for tensor in weights.values())},
        "weight_map": {name: file for file, members in shards.items() for name in members},
    }
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


def _samples(file: Path) -> np.ndarray:
    samples, rate_hz = soundfile.read(file, dtype="float32")
    assert rate_hz == 16_000
    return samples


def _with_constants(code: CodeType, swap: dict[int, int]) -> CodeType:
    """The same code with other literal ids, inside its comprehensions too."""

    def changed(value: Any) -> Any:
        if isinstance(value, CodeType):
            return _with_constants(value, swap)
        return swap.get(value, value) if type(value) is int else value

    return code.replace(co_consts=tuple(changed(value) for value in code.co_consts))


class _Official:
    """The official class on our checkpoint: no GPU, our clips, and its literal ids replaced by the folder's."""

    def __init__(self, checkpoint: Path, model: Model, ids: dict[str, int], sounds: dict[str, np.ndarray]) -> None:
        long = np.concatenate([np.tile(sounds[_SHORT], 40)])[: _WINDOW + 32_000]
        known = {name: torch.from_numpy(samples) for name, samples in (sounds | {"long.wav": long}).items()}
        stepaudio2.load_audio = known.__getitem__
        stepaudio2.AutoModelForCausalLM.from_pretrained = lambda *_, **__: model
        torch.Tensor.cuda = lambda tensor, *_, **__: tensor  # type: ignore[method-assign]
        call = stepaudio2.StepAudio2Base.__call__
        swap = {151688: ids["<audio_start>"], 151695: ids["<tts_pad>"], 151696: ids["<audio_0>"]}
        call.__code__ = _with_constants(call.__code__, swap)
        self.model = model
        self.base = stepaudio2.StepAudio2Base(str(checkpoint))
        self.chat = stepaudio2.StepAudio2(str(checkpoint))
        self.tokenizer = self.chat.llm_tokenizer

    def prompt(self, messages: list[Any], base: bool) -> dict[str, Any]:
        """What the official code hands to the model."""
        self.model.answers = False
        (self.base if base else self.chat)(messages, max_new_tokens=1)
        return self.model.captured

    def answer(self, messages: list[Any], **options: Any) -> tuple[list[int], str, list[int]]:
        """A whole official call."""
        self.model.answers = True
        return self.chat(messages, **options)  # type: ignore[no-any-return]


def _front_end(recorder: Recorder, sounds: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    mels = {}
    for name, samples in sounds.items():
        mel = official_utils.log_mel_spectrogram(torch.from_numpy(samples), n_mels=128, padding=479)
        mels[name] = mel
        recorder.entry(
            f"frontend.{Path(name).stem}",
            "official utils.log_mel_spectrogram(n_mels=128, padding=479)",
            outputs={"mel_0": mel.numpy()},
            clip=f"clips/{name}",
            samples_16k=len(samples),
            samples="the 16-bit samples of the clip divided by 32768",
            mel_frames=[mel.shape[1]],
            token_num=[official_utils.compute_token_num(mel.shape[1])],
            wav_lens=[mel.shape[1] - 2],
        )
    frames = [*range(1, 40), *range(95, 105), *range(2495, 2504)]
    counts = [official_utils.compute_token_num(count) for count in frames]
    recorder.entry("frontend.token_num", "official utils.compute_token_num", mel_frames=frames, token_num=counts)
    table = []
    for count in (1, 159, 160, 161, 1000, 4321, 16_000, 48_001, 399_999, 400_000, 400_001, 400_481, 640_000, 800_001):
        pieces = [min(_WINDOW, count - start) for start in range(0, count, _WINDOW)]
        lengths = [official_utils.log_mel_spectrogram(torch.zeros(piece)).shape[1] for piece in pieces]
        numbers = [official_utils.compute_token_num(length) for length in lengths]
        table.append({"samples": count, "mel_frames": lengths, "token_num": numbers})
    recorder.entry(
        "frontend.lengths", "samples → frames and embeddings of every 25 s piece, official code", table=table
    )
    return mels


def _encoder(recorder: Recorder, model: Model, mels: dict[str, torch.Tensor], seed: int) -> None:
    how = "encoder(wavs, wav_lens) and adapter; wav_lens = frames - 2; padded by the official padding_mels" + _NETWORKS
    places = {name: f"frontend.{Path(name).stem}/mel_0" for name in mels}
    wavs, lens = official_utils.padding_mels([mels[_SHORT]])
    _record_encoder(recorder, model, "encoder.single", how, {"wavs": places[_SHORT]}, wavs, lens)
    wavs, lens = official_utils.padding_mels(list(mels.values()))
    inputs = {f"wavs_{index}": place for index, place in enumerate(places.values())}
    _record_encoder(recorder, model, "encoder.batch", how, inputs, wavs, lens)
    noise = torch.Generator().manual_seed(seed)
    for frames in (37, 38, 39, 40):
        wavs = torch.randn((1, 128, frames), generator=noise)
        lens = torch.tensor([frames - 2], dtype=torch.int32)
        _record_encoder(recorder, model, f"encoder.frames_{frames}", how, {"wavs": wavs.numpy()}, wavs, lens)


def _record_encoder(
    recorder: Recorder, model: Model, id: str, how: str, inputs: dict[str, Any], wavs: torch.Tensor, lens: torch.Tensor
) -> None:
    features, lengths = model.encoder(wavs, lens)
    recorder.entry(
        id,
        how,
        inputs | {"wav_lens": lens.numpy().astype(np.int32)},
        {"encoder": features.numpy(), "adaptor": model.adapter(features).numpy()},
        x_len=lengths.tolist(),
        feat_lens=[(length - 1) // 2 + 1 for length in lengths.tolist()],
    )


def _conversations(ids: dict[str, int]) -> dict[str, list[Any]]:
    """Messages in the official form, by the name of the prompt."""
    short, other = ({"type": "audio", "audio": name} for name in (_SHORT, _OTHER))
    first = ids["<audio_0>"]
    spoken = {"type": "token", "token": [40, first + 4000, first + 17, 300, first, first + 6560, ids["<tts_end>"]]}
    begin = {"role": "assistant", "content": "<tts_start>", "eot": False}
    write = {"role": "assistant", "content": None}
    mark = {"type": "text", "text": "<tts_start>"}

    def system(text: str = _TALK) -> dict[str, str]:
        return {"role": "system", "content": text}

    def human(content: Any) -> dict[str, Any]:
        return {"role": "human", "content": content}

    said = human([short])
    return {
        "text_chat": [system(), {"role": "user", "content": "What's new today?  二〇二六年 café 🤔"}, write],
        "tts": [system(), human("你好呀！"), {"role": "assistant", "content": [mark], "eot": False}],
        "asr": [system("请记录下你所听到的语音内容。"), said, write],
        "s2st": [system("请仔细聆听这段语音，然后将其内容翻译成中文并用语音播报。"), said, begin],
        "long_audio": [system(), human([{"type": "audio", "audio": "long.wav"}]), write],
        "text_then_audio": [system(), human([{"type": "text", "text": "Translate this."}, other]), write],
        "multi_turn_text": [system(), said, {"role": "assistant", "content": "Yes.\n\n是的。"}, human([other]), write],
        "multi_turn_speech": [system(), said, {"role": "assistant", "content": [mark, spoken]}, human([other]), begin],
        "tool_call": [
            system("今天是星期四。\n你可以调用工具。"),
            {"role": "tool_json_schemas", "content": _TOOLS},
            said,
            {"role": "assistant", "content": [mark, spoken]},
            {"role": "input", "content": [{"type": "text", "text": "晴"}, {"type": "text", "text": "\n\n\n请总结。"}]},
            begin,
        ],
        "think_1": [system(), said, {"role": "assistant", "content": "\n<think>\n", "eot": False}],
        "think_2": [
            system(),
            said,
            {"role": "assistant", "content": "\n<think>\nGood.\n</think>\n\n<tts_start>", "eot": False},
        ],
        "special_in_text": [system(), human("say <|EOT|> and <audio_12><tts_end>, <tool_call> <|im_start|>"), write],
        "empty_strings": [system(""), human("\n\nhi\n"), write],
        "base_asr": ["请记录下你所听到的语音内容。", short],
        "base_tts": ["Read this paragraph at a natural pace.\n", "Good morning.<tts_start>"],
        "base_multi_turn": [
            short,
            "<tts_start>",
            spoken,
            other,
            {"type": "text", "text": "in one word"},
            "<tts_start>",
        ],
    }


def _prompts(recorder: Recorder, official: _Official, ids: dict[str, int]) -> dict[str, list[Any]]:
    how = (
        "official __call__ up to the model: every piece tokenised on its own; clips instead of files, long.wav is the "
    )
    how += "first clip repeated to 27 s"
    conversations = _conversations(ids)
    for name, messages in conversations.items():
        base = name.startswith("base")
        given = official.prompt(messages, base)
        wavs, lens = given["wavs"], given["wav_lens"]
        recorder.entry(
            f"prompts.{name}",
            how,
            **{"class": "StepAudio2Base" if base else "StepAudio2"},
            messages=messages,
            ids=given["input_ids"][0].tolist(),
            wavs_shape=None if wavs is None else list(wavs.shape),
            wav_lens=None if lens is None else lens.tolist(),
        )
    return conversations


def _tokenizer(recorder: Recorder, official: _Official) -> None:
    texts = [
        "Hello world",
        " leading",
        "trailing ",
        "a  b\tc\r\n\r\n d",
        "",
        "\n\n",
        "I'm you're WE'LL",
        "12345 3.14 ２０",
    ]
    texts += [
        "你好，世界！",
        "這是繁體中文龘",
        "日本語カタカナ",
        "한국어",
        "Привет мир",
        "👍🏽👨‍👩‍👧",
        "e\u0301 Å ﬁ",
        "zero\0null",
    ]
    texts += ["snake_case foo()->bar[0];", "<|EOT|>", "<|BOT|>human\nhi<|EOT|>", "<audio_0><audio_6560><audio_6561>"]
    texts += ["<audio_7000> <audio_01> <audio_1", "<tool_call>\n{}\n</tool_call>", " <tts_start> x <tts_end> "]
    strings = []
    for text in texts:
        ids = official.tokenizer(text)["input_ids"]
        strings.append({"text": text, "ids": ids, "decoded": official.tokenizer.decode(ids)})
    alone = [[200], [200, 201], [300, official.tokenizer.convert_tokens_to_ids("<|EOT|>")], list(range(180, 200))]
    decoded = [{"ids": ids, "decoded": official.tokenizer.decode(ids)} for ids in alone]
    how = "ids = tokenizer(text), decoded = tokenizer.decode(ids), transformers on the folder's tokenizer.json"
    recorder.entry("prompts.tokenizer", how, strings=strings, decode_only=decoded)


def _language(recorder: Recorder, model: Model, official: _Official, prompts: dict[str, list[Any]]) -> None:
    for name in ("text_chat", "s2st", "multi_turn_speech"):
        given = official.prompt(prompts[name], base=False)
        ids = given["input_ids"].long()
        x = model.embeddings(ids, given["wavs"], given["wav_lens"])
        hidden = model.llm.model(inputs_embeds=x).last_hidden_state
        recorder.entry(
            f"llm.logits_{name}",
            "embeddings with the sounds in place, hidden states after the norm, scores of the last place" + _NETWORKS,
            {"ids": ids[0].numpy().astype(np.int32)},
            {
                "inputs_embeds": x[0].numpy(),
                "hidden": hidden[0].numpy(),
                "logits_last": model.llm.lm_head(hidden[0, -1]).numpy(),
            },
            prompt=f"prompts.{name}",
        )
        for penalty in (1.0, 1.05) if name == "text_chat" else (1.0,):
            _greedy(recorder, model, name, ids, x, penalty)
    _sampling(recorder, model, official, prompts["text_chat"])
    _calls(recorder, official, prompts)


def _greedy(recorder: Recorder, model: Model, name: str, ids: torch.Tensor, x: torch.Tensor, penalty: float) -> None:
    """The likeliest id, 24 times, everything computed anew each time."""
    processor = RepetitionPenaltyLogitsProcessor(penalty)
    written: list[int] = []
    margins = []
    for _ in range(STEPS):
        scores = processor(ids, model.llm(inputs_embeds=x).logits[:, -1])
        best = scores[0].topk(2).values
        margins.append(round(float(best[0] - best[1]), 6))
        chosen = scores.argmax(-1, keepdim=True)
        written.append(int(chosen))
        ids = torch.cat([ids, chosen], dim=1)
        x = torch.cat([x, model.llm.model.embed_tokens(chosen)], dim=1)
    values: dict[str, Any] = {"prompt": f"prompts.{name}", "tokens": written, "min_margin": min(margins)}
    if penalty != 1.0:
        values["repetition_penalty"] = penalty
    suffix = "" if penalty == 1.0 else "_penalty"
    how = f"{STEPS} greedy ids, no cache, RepetitionPenaltyLogitsProcessor({penalty}) over prompt and written ids"
    recorder.entry(f"llm.greedy_{name}{suffix}", how + _NETWORKS, **values)


def _sampling(recorder: Recorder, model: Model, official: _Official, messages: list[Any]) -> None:
    ids = official.prompt(messages, base=False)["input_ids"].long()
    scores = model.llm(ids).logits[:, -1]
    after = RepetitionPenaltyLogitsProcessor(1.05)(ids, scores.clone())
    seen = torch.unique(ids[0])
    recorder.entry(
        "llm.penalised_scores",
        "RepetitionPenaltyLogitsProcessor(1.05) on the last scores; the distinct ids of the context",
        {"ids": seen.numpy().astype(np.int32), "before": scores[0, seen].numpy()},
        {"after": after[0, seen].numpy()},
        prompt="prompts.text_chat",
    )
    settings: dict[str, dict[str, Any]] = {
        "all": {"repetition_penalty": 1.05, "temperature": 0.7, "top_k": 50, "top_p": 0.9},
        "temperature_only": {"temperature": 3.0, "top_k": 50},
        "wide": {"temperature": 2.5, "top_k": 200, "top_p": 0.8},
    }
    for name, options in settings.items():
        warpers = LogitsProcessorList(
            [RepetitionPenaltyLogitsProcessor(options.get("repetition_penalty", 1.0))]
            + [TemperatureLogitsWarper(options["temperature"]), TopKLogitsWarper(options["top_k"])]
            + ([TopPLogitsWarper(options["top_p"])] if "top_p" in options else [])
        )
        probabilities = warpers(ids, scores.clone())[0].softmax(-1)
        kept = int((probabilities > 0).sum())
        best = probabilities.topk(kept)
        recorder.entry(
            f"llm.sampling_{name}",
            "transformers' penalty, temperature, top-k, top-p on the first scores: ids kept, best first",
            outputs={"ids": best.indices.numpy().astype(np.int32), "probabilities": best.values.numpy()},
            prompt="prompts.text_chat",
            **options,
        )


def _calls(recorder: Recorder, official: _Official, prompts: dict[str, list[Any]]) -> None:
    how = (
        "official __call__, greedy, what it returns (it always drops the last id); its literal ids replaced" + _NETWORKS
    )
    first: list[int] = []
    for name in ("text_chat", "s2st"):
        tokens, text, audio = official.answer(prompts[name], max_new_tokens=STEPS)
        first = first or tokens
        recorder.entry(f"llm.call_{name}", how, prompt=f"prompts.{name}", tokens=tokens, text=text, audio=audio)
    end = next(id for place, id in enumerate(first) if place >= 5 and id not in first[:place])
    tokens, text, audio = official.answer(prompts["text_chat"], max_new_tokens=STEPS, eos_token_id=end)
    values = {"prompt": "prompts.text_chat", "eos_token_id": end, "stopped_by": end}
    recorder.entry("llm.call_eos", how, **values, tokens=tokens, text=text, audio=audio)
