from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine import cli
from engine.commands import console
from engine.errors import SoundError


def _earshot(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload,no-any-return]


def test_help_names_every_command_and_needs_no_network_library() -> None:
    program = (
        "import sys; from engine.cli import build_parser; build_parser().print_help();"
        "print([m for m in ('numpy', 'mlx', 'rich', 'av', 'soundfile', 'tokenizers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
    assert all(f"    {name} " in done.stdout for name in cli.COMMANDS)


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for name in cli.COMMANDS:
        with pytest.raises(SystemExit) as stopped:
            cli.main([name, "--help"])
        assert stopped.value.code == 0
        assert f"usage: earshot {name}" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a Mac has no disk that is always full")
@pytest.mark.parametrize("given", [["--version"], []])
def test_a_full_disk_is_a_sentence(given: list[str]) -> None:
    with open("/dev/full", "w") as full:
        program = [sys.executable, "-m", "engine.cli", *given]
        ended = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == cli.FAILED
    assert ended.stderr.startswith("earshot: The result could not be written, the disk is full")


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"earshot {console.version()}\n"


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert "transcribe" in capsys.readouterr().out


def test_an_unknown_command_is_refused_with_2() -> None:
    done = _earshot("transcirbe")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "transcirbe" in done.stderr


def test_an_error_is_one_sentence_on_stderr_and_exit_code_2() -> None:
    done = _earshot("transcribe", "no-such-file.wav")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "earshot: There is no file no-such-file.wav: check the name.\n"


@pytest.mark.parametrize(
    ("raised", "code", "printed"),
    [
        (SoundError("a.wav is empty: record it again."), 2, "earshot: a.wav is empty: record it again.\n"),
        (KeyboardInterrupt(), 130, "\nearshot: stopped.\n"),
        (KeyboardInterrupt("Half is done."), 130, "\nearshot: stopped. Half is done.\n"),
    ],
)
def test_what_a_command_raises_becomes_an_exit_code(
    raised: BaseException, code: int, printed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: object) -> int:
        raise raised

    monkeypatch.setattr("engine.commands.doctor.run", fail)
    assert cli.main(["doctor"]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", printed)


def test_a_model_is_converted_from_within_its_folder(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shutil.copytree(tiny_model, tmp_path / "model"))
    assert cli.main(["models", "convert", ".", "--bits", "8", "--group", "32", "-q"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'model-8bit'}\n"
    assert cli.main(["models", "convert", "/", "-q"]) == 2
    assert "/config.json is missing" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    program = (
        "import sys; from engine.cli import main; from engine.commands import console, doctor\n"
        "doctor.run = lambda args: [console.result('x' * 1000) for _ in range(1000)] and 0\n"
        "sys.exit(main(['doctor']))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_closed_streams_leave_their_numbers_to_no_file() -> None:
    program = (
        "import os, sys; from engine.cli import main; from engine.commands import doctor\n"
        "doctor.run = lambda args: int(os.open('README.md', os.O_RDONLY) < 3 or bool(sys.stdin.read()))\n"
        "sys.exit(main(['doctor']))"
    )
    closing = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(program)} <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", closing], check=False).returncode == 0


def test_signs_that_are_none_can_be_typed_and_shown() -> None:
    program = (
        "import sys; from engine.cli import main; from engine.commands import console, doctor\n"
        "doctor.run = lambda args: console.result(sys.stdin.readline() + chr(0xD800)) or 0\n"
        "sys.exit(main(['doctor']))"
    )
    ran = subprocess.run([sys.executable, "-c", program], input=b"a\xffb\n", capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.endswith(rb"\ud800" + b"\n")
