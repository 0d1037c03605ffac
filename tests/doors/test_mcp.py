"""The official MCP client over stdio, as programs start `earshot mcp`, and over HTTP."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from conftest import ROOT, STARTER, Address, words
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

QUESTION = "What is the time, please?"


def connection(address: Address, way: str) -> Any:
    if way == "stdio":
        arguments = ["-m", "engine", "mcp", "--model", str(STARTER), "--quiet"]
        return StdioServerParameters(command=address.python, args=arguments, cwd=ROOT)
    headers = {"Authorization": f"Bearer {address.token}"}
    client = httpx2.AsyncClient(headers=headers, timeout=120)
    return streamable_http_client(address.url.removesuffix("/v1") + "/mcp", http_client=client)


@pytest.mark.parametrize("way", ["stdio", "http"])
def test_what_is_spoken_is_transcribed(address: Address, way: str, tmp_path: Path) -> None:
    notices: list[float] = []

    async def notice(done: float, total: float | None, message: str | None) -> None:
        notices.append(done)

    async def converse() -> None:
        async with Client(connection(address, way)) as client:
            assert {tool.name for tool in (await client.list_tools()).tools} >= {"speak", "transcribe_file"}
            (sound,) = (await client.call_tool("speak", {"text": QUESTION})).content
            path = tmp_path / "said.wav"
            path.write_bytes(base64.b64decode(sound.data))
            result = await client.call_tool("transcribe_file", {"path": str(path)}, progress_callback=notice)
            assert words(result.content[0].text) == words(QUESTION)

    asyncio.run(converse())
    assert notices


def test_a_wrong_token_stays_outside(address: Address, say: Callable[[str], bytes]) -> None:
    url = address.url.removesuffix("/v1") + "/mcp"
    answer = httpx2.post(url, json={}, headers={"Authorization": "Bearer nobody"})
    assert answer.status_code == 401
