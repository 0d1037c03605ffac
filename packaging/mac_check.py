"""Everything about Earshot on a Mac that a program can check: python packaging/mac_check.py (`make mac-check`).

The outcome of every check, what it printed last and how long it took are kept in mac-check.json: send that file along.
MAC_CHECKLIST.md holds what needs eyes, ears and hands. --only NAME … runs some of them, --list names them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from contents import MINIMUM_SYSTEM, ROOT
from info_plist import LANGUAGES, version

APP = "dist/Earshot.app"
PROGRAM = f"{APP}/Contents/MacOS/Earshot"
_LAST_CHARACTERS = 4000
_SOUND = "resources/examples/1-twelve-times-seven.flac"
_BARE = 'env -i HOME="$WORK" PATH=/usr/bin:/bin'  # as when it is opened from the Dock
_KERNELS = f'for each in $(find {APP} -name libmlx.dylib); do test -e "$(dirname "$each")/mlx.metallib" || exit 1; done'
_METAL = "import mlx.core as mx; assert mx.metal.is_available(); print(mx.default_device(), mx.device_info())"
_SYSTEM = f"""
import platform
named = tuple(int(number) for number in platform.mac_ver()[0].split(".")[:2])
print(named)
assert named >= {MINIMUM_SYSTEM}
"""


@dataclass(frozen=True)
class Check:
    """A shell's command that passes when it ends with 0 and prints `says`. $PYTHON is this Python, $WORK a folder."""

    name: str
    command: str
    says: str = ""
    timeout_s: float = 300.0


@dataclass
class Outcome:
    """What came of a check."""

    name: str
    passed: bool
    seconds: float
    printed: str


@dataclass
class Report:
    """Everything that was found on one machine."""

    version: str
    machine: str
    system: str
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(outcome.passed for outcome in self.outcomes)


def _python(code: str) -> str:
    return f"\"$PYTHON\" -c '{code}'"


def _reads(kind: str, data: str, ending: str) -> Check:
    """Whether a file that the system itself makes is transcribed."""
    made = f'"$WORK/sound.{ending}"'
    command = f'afconvert -f {kind} -d {data} {_SOUND} {made} && "$PYTHON" -m app.command_line transcribe {made}'
    return Check(f"Core Audio reads {ending}", command, "seven")


def checks() -> list[Check]:
    """All of them: first the machine, then the sources, then the built app."""
    listed = [
        Check("the system is new enough", _python(_SYSTEM)),
        Check("no Rosetta", "test $(sysctl -in sysctl.proc_translated || echo 0) = 0"),
        Check("MLX computes on Metal", _python(_METAL), "gpu"),
        Check("doctor", '"$PYTHON" -m app.command_line doctor --json', '"problems": []'),
        Check("self-test of the sources", '"$PYTHON" -m app.main --self-test --json', '"passed": true'),
        _reads("m4af", "aac", "m4a"),
        _reads("m4af", "alac", "alac.m4a"),
        _reads("caff", "LEI16", "caf"),
        _reads("adts", "aac", "aac"),
        Check("an answer is spoken", '"$PYTHON" -m app.command_line say "Good morning." -o "$WORK/morning.wav"'),
        Check("parity on Metal", '"$PYTHON" -m pytest -q tests/test_parity.py', timeout_s=1800),
        Check("all tests", '"$PYTHON" -m pytest -q', timeout_s=3600),
        Check("benchmarks", '"$PYTHON" -m tests.benchmarks --out "$WORK/benchmarks"', timeout_s=3600),
        Check("the app is built and audited", "make app PYTHON=python3", "faults               0", timeout_s=1800),
        Check("the app's version", f"{PROGRAM} --version", f"Earshot {version()}"),
        Check("self-test of the app", f"{_BARE} {PROGRAM} --self-test --json", '"passed": true'),
        Check("no compiler is needed", f'env -i HOME="$WORK" PATH= {PROGRAM} --self-test --json', '"passed": true'),
        Check("the app is the command line", f"{_BARE} {PROGRAM} --cli transcribe {_SOUND}", "seven"),
        Check("Metal kernels beside every library", _KERNELS),
        Check("the signature holds", f"codesign --verify --deep --strict --verbose=2 {APP}"),
        Check("the right to the microphone", f"codesign -d --entitlements - --xml {APP}", "device.audio-input"),
        Check("Info.plist is sound", f"plutil -lint {APP}/Contents/Info.plist", "OK"),
        Check("the icon is sound", f'iconutil -c iconset -o "$WORK/icon.iconset" {APP}/Contents/Resources/*.icns'),
    ]
    for language in LANGUAGES:
        file = f"{APP}/Contents/Resources/{language}.lproj/InfoPlist.strings"
        listed.append(Check(f"words for the system in {language}", f"plutil -lint {file}", "OK"))
    return listed


def run(check: Check, work: Path) -> Outcome:
    """Run one check in the repository."""
    told = {"PYTHON": sys.executable, "WORK": str(work), "EARSHOT_HOME": str(work / "home")}
    began = time.monotonic()
    process = subprocess.Popen(
        ["/bin/sh", "-c", check.command],
        cwd=ROOT,
        env=os.environ | told | {"QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        printed = process.communicate(timeout=check.timeout_s)[0]
        passed = process.returncode == 0 and check.says in printed
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        printed, passed = process.communicate()[0] + f"\nnot done after {check.timeout_s:.0f} s", False
    return Outcome(check.name, passed, round(time.monotonic() - began, 1), printed[-_LAST_CHARACTERS:])


def run_all(chosen: Iterable[Check], work: Path, file: Path) -> Report:
    """Run checks and keep the report after each, so that nothing is lost when the last ones hang."""
    report = Report(version(), f"{platform.machine()}, {os.cpu_count()} cores", platform.platform())
    for check in chosen:
        outcome = run(check, work)
        report.outcomes.append(outcome)
        print(f"{'passed' if outcome.passed else 'FAILED'}  {outcome.name} ({outcome.seconds:.0f} s)", flush=True)
        figures = sorted((work / "benchmarks").glob("*.json"))
        told = {**asdict(report), "benchmarks": {path.stem: json.loads(path.read_text()) for path in figures}}
        file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return report


def main() -> int:
    """Run what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    chosen = [check for check in checks() if not options.only or check.name in options.only]
    if options.list:
        print("\n".join(check.name for check in chosen))
        return 0
    if sys.platform != "darwin":
        print("This is for a Mac; elsewhere: make test, make bundle-audit, make frozen.", file=sys.stderr)
        return 2
    work = ROOT / "build" / "mac-check"
    work.mkdir(parents=True, exist_ok=True)
    report = run_all(chosen, work, ROOT / "mac-check.json")
    print(f"{sum(each.passed for each in report.outcomes)} of {len(report.outcomes)} passed; see mac-check.json")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
