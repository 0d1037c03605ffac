"""Say what this machine can run, and what is missing."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from engine.commands.console import Help, result, result_json, version

# What the published model takes in memory, by the bits of its language model's weights.
FULL_MODEL_BYTES = {"16-bit, as published": 16.6e9, "8-bit": 9.0e9, "4-bit": 5.3e9}
WORKING_ROOM = 1.2e9
SLOW_GFLOPS = 30.0


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "doctor", help="what this machine can run, and what is missing", description=__doc__, formatter_class=Help
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print the findings; 2 when no model can be used or a library is missing."""
    found = findings()
    if args.json:
        result_json(found)
    else:
        result("\n".join(_page(found)))
    return 2 if found["problems"] else 0


def findings() -> dict[str, Any]:
    """Everything `doctor` knows, as plain values; "problems" keep Earshot from working, "advice" does not."""
    from engine.checkpoints import catalogue
    from engine.commands.machine import library_versions, machine, matrix_gflops

    here = machine()
    models = [
        {
            "name": model.name,
            "folder": str(model.folder),
            "bytes": model.bytes,
            "fits": model.bytes + WORKING_ROOM <= here["usable_bytes"],
            "speaks": model.speaks,
            "demonstration": model.demonstration,
            "problem": model.problem,
        }
        for model in catalogue.installed()
    ]
    found = {
        "version": version(),
        "machine": here,
        "gflops": round(matrix_gflops(), 1),
        "libraries": library_versions(),
        "models_folder": str(catalogue.models_folder()),
        "free_disk_bytes": shutil.disk_usage(_existing(catalogue.models_folder())).free,
        "models": models,
        "fits": {name: size + WORKING_ROOM <= here["usable_bytes"] for name, size in FULL_MODEL_BYTES.items()},
    }
    return found | {"problems": _problems(found), "advice": _advice(found)}


def _problems(found: dict[str, Any]) -> list[str]:
    problems = [
        f"The library {name} is missing: install Earshot again."
        for name, installed in found["libraries"].items()
        if installed == "missing"
    ]
    problems += [model["problem"] for model in found["models"] if model["problem"]]
    if not any(model["fits"] and not model["problem"] for model in found["models"]):
        problems.append(
            f"No usable model was found: put a Step-Audio 2 folder into {found['models_folder']} "
            "or name one with $EARSHOT_MODEL."
        )
    return problems


def _advice(found: dict[str, Any]) -> list[str]:
    advice = []
    if found["machine"]["device"] == "CPU" and found["gflops"] < SLOW_GFLOPS:
        advice.append("Matrices are multiplied slowly: install OpenBLAS (Debian: apt install libopenblas0-pthread).")
    if found["models"] and all(model["demonstration"] for model in found["models"]):
        advice.append(
            "Only the small model that comes with Earshot is here; it shows how things work and understands little. "
            "`earshot models download` brings the full one."
        )
    return advice


def _page(found: dict[str, Any]) -> list[str]:
    here = found["machine"]
    lines = [
        f"Earshot {found['version']}",
        "",
        _row("Machine", f"{here['processor']}, {here['cores']} cores"),
        _row("System", here["system"]),
        _row("Memory", f"{_gb(here['memory_bytes'])}, of which a model may use {_gb(here['usable_bytes'])}"),
        _row("Computes on", f"{here['device']}, {found['gflops']:.0f} GFLOP/s in float32"),
        _row("Matrices by", here["matrix_library"]),
        _row("Python", here["python"]),
        *_wrapped("Libraries", [f"{name} {number}" for name, number in found["libraries"].items()]),
        _row("Disk", f"{_gb(found['free_disk_bytes'])} free in {found['models_folder']}"),
        "",
        "Models on this machine",
    ]
    lines += [_model_row(model) for model in found["models"]] or ["  none"]
    lines += ["", "Step-Audio 2 mini would fit"]
    lines += [f"  {name:22}{_gb(FULL_MODEL_BYTES[name]):>8}   {_yes(fits)}" for name, fits in found["fits"].items()]
    for title, key in (("Problems", "problems"), ("Advice", "advice")):
        if found[key]:
            lines += ["", title, *(f"  {sentence}" for sentence in found[key])]
    return lines if found["problems"] else [*lines, "", "Everything that is needed is here."]


def _model_row(model: dict[str, Any]) -> str:
    if model["problem"]:
        state = "cannot be used, see below"
    else:
        state = ("fits" if model["fits"] else "does not fit") + (", speaks" if model["speaks"] else ", cannot speak")
    return f"  {model['name']:22}{_gb(model['bytes']):>8}   {state}\n    {model['folder']}"


def _row(name: str, value: str) -> str:
    return f"{name:13} {value}"


def _wrapped(name: str, items: list[str], in_a_row: int = 5) -> list[str]:
    rows = [", ".join(items[at : at + in_a_row]) for at in range(0, len(items), in_a_row)]
    return [_row("" if place else name, row) for place, row in enumerate(rows)]


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"


def _yes(fits: bool) -> str:
    return "yes" if fits else "no"


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
