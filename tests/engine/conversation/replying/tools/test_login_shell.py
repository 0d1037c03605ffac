from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from engine.conversation.replying.tools import login_shell
from engine.conversation.replying.tools.mcp_server import McpServer

HANG_GUARD_S = 30.0


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """A shell that counts how often it is asked, and greets as start-up files do."""
    path = tmp_path / "shell"
    path.write_text(
        f"""#!/bin/sh
echo asked >>{tmp_path}/asked
echo "Welcome back. PATH=/wrong"
PATH=/opt/tools/bin:/usr/bin:not-absolute
eval "$4"
env >{tmp_path}/told
"""
    )
    path.chmod(0o700)
    login_shell._asked.cache_clear()
    return path


def test_folders_of_the_login_shell_are_asked_for_once(
    shell: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(login_shell, "_ASKED_S", HANG_GUARD_S)
    monkeypatch.setenv("SHELL", str(shell))
    monkeypatch.setenv("_PYI_ARCHIVE_FILE", "/Earshot.app/x")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/Earshot.app")
    folders = McpServer("some").told_environment()["PATH"].split(os.pathsep)
    assert folders[: len(os.get_exec_path())] == os.get_exec_path()
    assert "/opt/tools/bin" in folders
    assert "not-absolute" not in folders
    assert folders.count("/usr/bin") == os.get_exec_path().count("/usr/bin")
    McpServer("some").told_environment()
    assert (tmp_path / "asked").read_text() == "asked\n"
    assert "Earshot.app" not in (tmp_path / "told").read_text()


def test_a_shell_that_hangs_is_ended_and_says_nothing(tmp_path: Path) -> None:
    hanging = tmp_path / "shell"
    hanging.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nexec sleep 600\n")
    hanging.chmod(0o700)
    assert login_shell.folders_of(str(hanging), os.environ, timeout_s=1.0) == ()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_shell_that_is_not_there_says_nothing() -> None:
    assert login_shell.folders_of("/nowhere/shell", {}, HANG_GUARD_S) == ()


def test_what_is_started_in_a_terminal_on_linux_asks_nobody(shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("SHELL", str(shell))
    assert login_shell.login_folders() == ()
    assert not (shell.parent / "asked").exists()


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash")
def test_a_real_shell_tells_what_its_start_up_files_add(tmp_path: Path) -> None:
    (tmp_path / ".bash_profile").write_text("export PATH=$HOME/tools:$PATH\necho hello\n")
    told = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TERM": "dumb"}
    assert f"{tmp_path}/tools" in login_shell.folders_of("/bin/bash", told, HANG_GUARD_S)
