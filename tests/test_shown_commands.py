"""Every command that README and manual show is run, or at least understood by what would run it.

Commands of `earshot` are run one after the other, as they stand there, with the starter and files of the names they
use. Those in ONLY_PARSED are only parsed, each for the reason beside it. The rest belongs to other programs: what of it
is ours (targets, file names, routes) is compared with what there is.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from app import command_line, conversations_cli
from app import main as app_main
from app.addresses import read_address
from app.talk.store import Store
from app.talk.stored_turn import StoredTurn
from engine import cli, samples
from engine.commands.files import with_values
from engine.conversation.replying.tools.mcp_server import McpServer
from engine.engine import Engine
from engine.events import Samples, new_turn_id

ROOT = Path(__file__).parents[1]
SHOWN_IN = (ROOT / "README.md", *sorted((ROOT / "docs" / "manual" / "en").glob("*.md")))
NETWORK, SERVER, FULL_MODEL = "needs the network", "runs until it is stopped", "needs the full model"
MINUTES, TERMINAL = "takes minutes", "needs a terminal"
ONLY_PARSED = {
    r"models download": NETWORK,
    r"models convert": FULL_MODEL,
    r"serve": SERVER,  # run in tests/engine/serving and tests/doors
    r".*--connect": NETWORK,  # run in tests/engine/remote
    r"mcp": SERVER,
    r"chat --listen": TERMINAL,  # run on one in tests/app/test_command_line.py
    r"chat --tool-server": NETWORK,  # npx; tests/engine/conversation/replying/tools has a server of its own
    r"translate": FULL_MODEL,
    r"benchmark": MINUTES,  # run in tests/engine/commands
}
OTHER_PROGRAMS = ("make", "uv", "nettop", "lsof", "strace", "curl", "alias", "open")
TOOL_SERVERS = ("npx", "TOKEN=", "https://")
ASKED = "What is twelve times seven?\n"


def shown() -> list[str]:
    """The lines that are set in, without remarks."""
    lines = []
    for document in SHOWN_IN:
        text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        lines += re.findall(r"^ {4}([\w{/].*)$", text, re.MULTILINE)
    return [re.split(r" {3,}| {2,}#|  # ", line)[0].rstrip() for line in lines if not re.search(r"[─►▼┐]", line)]


def ours() -> list[list[str]]:
    """The arguments of every `earshot`, in the order in which they are shown, each once."""
    found = dict.fromkeys(line.removeprefix("earshot ") for line in shown() if line.startswith("earshot "))
    return [shlex.split(line) for line in found]


def reason_not_to_run(arguments: Iterable[str]) -> str | None:
    line = " ".join(arguments)
    return next((reason for pattern, reason in ONLY_PARSED.items() if re.match(pattern, line)), None)


class Loudspeaker:
    """Takes what is played, and nobody speaks."""

    def __init__(self) -> None:
        self.played = 0

    def play(self, pieces_24k: Iterable[Samples]) -> None:
        self.played += sum(len(piece) for piece in pieces_24k)

    def listen(self, wait: object) -> Samples:
        raise AssertionError("nobody is asked to speak where input is no terminal")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that are named, a home without anything in it, and one saved conversation."""
    asked = samples.read(ROOT / "resources" / "examples" / "1-twelve-times-seven.flac")
    question = np.concatenate([asked, asked])  # long enough for a voice
    (tmp_path / "interviews").mkdir()
    for name in ("talk.m4a", "talk.wav", "street.wav", "five-seconds.wav", "interviews/first.wav"):
        samples.write_wav(tmp_path / name, question, 16_000)  # files are known by what is in them
    (tmp_path / "notes.txt").write_text("The kettle is on.")
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    for name in ("HOME", "EARSHOT_HOME"):
        monkeypatch.setenv(name, str(home))
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "EARSHOT_MODEL"):
        monkeypatch.delenv(name, raising=False)
    home.mkdir()
    store = Store(home / "conversations.sqlite", home / "recordings")
    key = store.create("assistant").key
    store.add(StoredTurn(new_turn_id(), key, text="Is the kettle on?", answer="Yes."), None)
    store.close()
    return tmp_path


@pytest.fixture(scope="module")
def starter() -> Engine:
    return Engine.load(ROOT / "resources" / "starter")


@pytest.mark.slow
def test_every_command_of_earshot_does_what_it_shows(
    folder: Path, starter: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def loaded(args: argparse.Namespace) -> Engine:
        return starter  # loaded once for all of them

    for command in cli.COMMANDS:
        module = __import__(f"engine.commands.{command}", fromlist=[command])
        if hasattr(module, "load_engine"):
            monkeypatch.setattr(module, "load_engine", loaded)
    loudspeaker, run = Loudspeaker(), 0
    for arguments in ours():
        if reason_not_to_run(arguments):
            continue
        monkeypatch.setattr("sys.stdin", io.StringIO(ASKED))
        code = cli.main(arguments, loudspeaker, command_line.search_history, more=(conversations_cli,))
        told = capsys.readouterr()
        assert code == 0, (arguments, told.err)
        run += 1
    assert run > 15
    assert loudspeaker.played > 0
    made = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert {"hello.wav", "Ada.voice", "texts/first.txt"} <= made
    assert any(path.startswith("notes/") for path in made)


def test_every_command_of_earshot_is_one_that_it_takes() -> None:
    parser = cli.build_parser((conversations_cli,))
    inline = [
        line
        for document in SHOWN_IN
        for line in re.findall(r"`earshot ([a-z][^`]*)`", document.read_text(encoding="utf-8"))
    ]
    found = [*ours(), *(shlex.split(line) for line in inline)]
    assert len(found) > 30
    for arguments in found:
        assert parser.parse_args(with_values(arguments)).func, arguments


def test_each_line_that_is_set_in_is_ours_or_of_a_program_that_is_known() -> None:
    for line in shown():
        assert line.startswith(("earshot ", "{", *OTHER_PROGRAMS, *TOOL_SERVERS)), (
            f"say in this file how it is tested: {line}"
        )
    lines = [" ".join(arguments) for arguments in ours()]
    assert all(any(re.match(pattern, line) for line in lines) for pattern in ONLY_PARSED), "no longer shown"


def test_what_other_programs_are_given_is_there() -> None:
    lines = shown()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {line.split()[1] for line in lines if line.startswith("make")} == {"run", "test"}
    assert {"run", "test"} <= targets
    (settings,) = [line for line in lines if line.startswith("{")]
    server = json.loads(settings)["mcpServers"]["earshot"]
    assert cli.build_parser().parse_args(server["args"]).func
    (asking,) = [line for line in lines if line.startswith("curl")]
    route, port = re.search(r"127\.0\.0\.1:(\d+)(\S+)", asking).group(2, 1)  # type: ignore[union-attr]
    assert f"`POST {route}`" in (ROOT / "docs/server.md").read_text(encoding="utf-8")
    assert cli.build_parser().parse_args(["serve"]).port == int(port)
    for line in lines:
        assert shlex.split(line), line


def test_every_address_that_is_shown_is_one_that_the_app_knows() -> None:
    lines = [line for line in shown() if line.startswith("open ")]
    assert len(lines) == 3
    for line in lines:
        assert read_address(shlex.split(line)[1]) is not None


def test_every_tool_server_that_is_shown_can_be_added() -> None:
    lines = [line for line in shown() if line.startswith(TOOL_SERVERS)]
    assert len(lines) >= 3
    for line in lines:
        server = McpServer.of_line(line)
        assert server.address.startswith("https://") if line.startswith("https://") else server.command == "npx"


def test_files_of_a_release_are_of_the_version_that_is_released() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+) — \d{4}-\d\d-\d\d$", changes, re.MULTILINE)
    assert version is not None
    assert newest is not None
    assert newest.group(1) == version.group(1)
    assert set(re.findall(r"(?:Earshot|earshot_assistant)-(\d[\d.]*\d)[.-]", text)) == {version.group(1)}


def test_the_app_takes_the_options_that_are_shown() -> None:
    text = "".join(document.read_text(encoding="utf-8") for document in SHOWN_IN)
    found = set(re.findall(r"Earshot(?:\.app/Contents/MacOS/Earshot)? (--[a-z-]+)", text))
    assert found == {"--self-test", "--cli"}
    for option in found:
        assert getattr(app_main._parsed([option]), option.strip("-").replace("-", "_"))
