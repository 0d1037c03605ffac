"""Whether this copy of Earshot works: every part is used once, without a window that anybody sees. For built apps.

Each check raises for what is wrong and says in a few words what it found; none depends on another one.
"""

from __future__ import annotations

import json
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from app.self_test import libraries, model, sound, window

Check = Callable[[], str]


@dataclass(frozen=True)
class Outcome:
    """What came of one check; `fault` is a traceback, empty where it passed."""

    name: str
    passed: bool
    told: str
    seconds: float
    fault: str = ""


def checks(no_gpu: bool) -> dict[str, Check]:
    """All checks by name, the quick ones first; with `no_gpu` the CPU computes, for machines without a GPU."""
    return {
        "modules": libraries.import_modules,
        "commands": libraries.list_commands,
        "packages": libraries.list_packages,
        "certificates": libraries.load_certificates,
        "resources": window.read_resources,
        "icons": window.paint_icons,
        "languages": window.load_languages,
        "manual": window.read_manual,
        "sound library": sound.find_sound_devices,
        "readers": sound.decode_files,
        "speech detector": sound.find_speech,
        "tool server": libraries.start_tool_server,
        "device": (lambda: model.choose_device(no_gpu)),
        "matrix product": model.multiply,
        "reply": model.speak_reply,
        "voice": model.add_voice,
        "window": window.open_window,
    }


def run(chosen: dict[str, Check]) -> Iterator[Outcome]:
    """Run checks one after the other."""
    for name, check in chosen.items():
        began = time.monotonic()
        try:
            told, fault = check(), ""
        except Exception as error:  # whatever is wrong with this copy is what we are looking for
            told, fault = f"{type(error).__name__}: {error}", traceback.format_exc()
        yield Outcome(name, not fault, told, round(time.monotonic() - began, 2), fault)


def self_test(*, as_json: bool = False, no_gpu: bool = False) -> int:
    """Run all checks and tell of them; returns 0 when they pass."""
    from engine.commands.console import version

    outcomes = []
    for outcome in run(checks(no_gpu)):
        outcomes.append(outcome)
        if not as_json:
            ending = "" if outcome.passed else f"\n{outcome.fault}"
            mark = "" if outcome.passed else "FAILED "
            sys.stdout.write(f"{outcome.name}: {mark}{outcome.told} ({outcome.seconds:.1f} s){ending}\n")
            sys.stdout.flush()
    passed = all(outcome.passed for outcome in outcomes)
    if as_json:
        about = {"version": version(), "system": platform.platform(), "passed": passed}
        sys.stdout.write(json.dumps(about | {"checks": [asdict(each) for each in outcomes]}, indent=1) + "\n")
    return 0 if passed else 1
