"""Reads what record.py wrote with the classes of vllm and vllm-omni, and renders it as they do. Needs no GPU."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from transformers import PreTrainedTokenizerFast
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.renderers.hf import _detect_content_format
from vllm.sampling_params import SamplingParams


def chunk_class() -> Any:
    """The class of vllm-omni's chunks. The packages around it change vllm and read diffusion models when they are
    imported, which needs a GPU's libraries; the files with the classes do not.
    """
    spec = importlib.util.find_spec("vllm_omni")
    assert spec, "vllm-omni is not installed"
    assert spec.submodule_search_locations
    folder, name = Path(spec.submodule_search_locations[0]), "vllm_omni"
    for inner in ("", "entrypoints", "openai", "protocol"):
        folder, name = folder / inner, f"{name}.{inner}".rstrip(".")
        sys.modules[name] = package = ModuleType(name)
        package.__path__ = [str(folder)]
    from vllm_omni.entrypoints.openai.protocol.chat_completion import OmniChatCompletionStreamResponse

    return OmniChatCompletionStreamResponse


def check_request(request: dict[str, Any], tokenizer: PreTrainedTokenizerFast) -> None:
    """The request, its stages' parameters, and that its prompt ends where it should."""
    read = ChatCompletionRequest.model_validate(request)
    for stage in request["sampling_params_list"]:
        SamplingParams(**stage)
    messages = [{**each, "content": parts(each["content"])} for each in request["messages"]]
    text = tokenizer.apply_chat_template(
        messages,
        tokenize=False,
        add_generation_prompt=read.add_generation_prompt,
        continue_final_message=read.continue_final_message,
        **(read.chat_template_kwargs or {}),
    )
    begun = request["messages"][-1]["content"] if read.continue_final_message else ""
    opening = (read.chat_template_kwargs or {}).get("opening", f"\n{begun}")
    assert text.endswith(f"<|BOT|>assistant{opening}"), text[-80:]


def parts(content: Any) -> list[dict[str, Any]]:
    """What vLLM's content format "openai" gives the template: lists of texts and of places for sound."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [part if part["type"] == "text" else {"type": "audio"} for part in content]


def main(source: Path) -> int:
    """Check everything; the first thing that is wrong raises."""
    said = json.loads(source.read_text())
    assert _detect_content_format(said["template"], default="string") == "openai"
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=said["tokenizer"])
    tokenizer.chat_template = said["template"]
    for request in said["requests"]:
        check_request(request, tokenizer)
    chunk_of = chunk_class()
    for chunk in said["chunks"]:
        chunk_of.model_validate({"model": "any", "id": "any", "created": 0, **chunk})
    print(f"{len(said['requests'])} requests and {len(said['chunks'])} chunks are as vllm-omni's classes want them")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
