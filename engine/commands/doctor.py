"""Say what this machine can run, and what is missing."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.console import Help, result, result_json, version
from engine.errors import CheckpointError

if TYPE_CHECKING:
    from engine.checkpoints.catalogue import InstalledModel

BACKENDS = {
    "plain": "the networks as they are, compiled",
    "cpu": "single rows and sines by numpy",
    "cuda": "own kernels between the matrix products",
}


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "doctor", help="say what this machine can run, and what is missing", description=__doc__, formatter_class=Help
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
    models = [_model(model) for model in catalogue.installed()]
    found = {
        "version": version(),
        "machine": here,
        "gflops": round(matrix_gflops(), 1),
        "libraries": library_versions(),
        "models_folder": str(catalogue.models_folder()),
        "free_disk_bytes": shutil.disk_usage(_existing(catalogue.models_folder())).free,
        "models": models,
        "full_model": _full_model(here["device"] == "CPU"),
        "predicted": _predicted(here["device"]),
    }
    return found | {"problems": _problems(found), "advice": _advice(found)}


def _model(model: InstalledModel) -> dict[str, Any]:
    needed, problem = 0, model.problem
    if not problem:
        try:
            needed = _bytes_in_memory(model.folder)
        except CheckpointError as error:
            problem = str(error)
    return {
        "name": model.name,
        "folder": str(model.folder),
        "bytes": model.bytes,
        "bytes_in_memory": needed,
        "fits": not problem and _fits(needed),
        "speaks": model.speaks,
        "demonstration": model.demonstration,
        "problem": problem,
    }


def _predicted(device: str) -> dict[str, dict[str, Any]]:
    """What the published model should do on this device, by its bits; nothing for one that is not in the table."""
    from engine.checkpoints.fit import published_sizes
    from engine.performance import chip_of, predict

    chip = chip_of(device)
    found = {_size_name(size.bits): predict(chip, size.bits) for size in published_sizes()} if chip else {}
    return {
        name: {
            "ids_per_s": round(one.ids_per_s, 1),
            "first_heard_s": round(one.first_heard_s, 2),
            "real_time": round(one.real_time, 2),
            "sentence": one.sentence(),
        }
        for name, one in found.items()
    }


def _size_name(bits: int) -> str:
    return "16-bit, as published" if bits == 16 else f"{bits}-bit"


def _full_model(on_cpu: bool) -> dict[str, Any]:
    from engine.checkpoints.fit import published_sizes

    found: dict[str, Any] = {}
    for size in published_sizes():
        if not on_cpu:
            found[_size_name(size.bits)] = {"bytes": size.memory, "bits": size.bits, "fits": _fits(size.memory)}
    if on_cpu:
        size = published_sizes()[0]
        found["any size, on this CPU"] = {"bytes": size.memory, "bits": size.bits, "fits": _fits(size.memory)}
    return found


def _bytes_in_memory(folder: Path) -> int:
    from engine.checkpoints.load import memory_needed

    return memory_needed(folder)


def _fits(size: float) -> bool:
    from engine.checkpoints.memory import check_fits

    try:
        check_fits("it", int(size))
    except CheckpointError:
        return False
    return True


def _problems(found: dict[str, Any]) -> list[str]:
    problems = [
        f"The library {name} is missing: install Earshot again."
        for name, installed in found["libraries"].items()
        if installed == "missing"
    ]
    problems += [model["problem"] for model in found["models"] if model["problem"]]
    usable = [model for model in found["models"] if not model["problem"]]
    if usable and not any(model["fits"] for model in usable):
        problems.append("No model here fits into the memory: close other programs or choose one with fewer bits.")
    if not usable:
        problems.append(
            f"No usable model was found: put a Step-Audio 2 folder into {found['models_folder']} "
            "or name one with $EARSHOT_MODEL."
        )
    return problems


def _advice(found: dict[str, Any]) -> list[str]:
    from engine.commands.machine import REFERENCE_BLAS

    advice = []
    if found["machine"]["matrix_library"] == REFERENCE_BLAS:
        advice.append("Matrices are multiplied slowly: install OpenBLAS (Debian: apt install libopenblas0-pthread).")
    if found["models"] and all(model["demonstration"] for model in found["models"]):
        only = "Only the small model that comes with Earshot is here; it shows how things work and understands little. "
        advice.append(only + _way_to_the_full_model(found["full_model"]))
    return advice


def _way_to_the_full_model(sizes: dict[str, Any]) -> str:
    fitting = next((size for size in sizes.values() if size["fits"]), None)
    if fitting is None:
        least = min(size["bytes"] for size in sizes.values())
        return f"The full one needs {_gb(least)} of memory, which this machine does not have to give."
    bits = "" if fitting["bits"] == next(iter(sizes.values()))["bits"] else f" --bits {fitting['bits']}"
    return f"`earshot models download Step-Audio-2-mini{bits}` brings the full one."


def _page(found: dict[str, Any]) -> list[str]:
    here = found["machine"]
    lines = [
        f"Earshot {found['version']}",
        "",
        _row("Machine", f"{here['processor']}, {here['cores']} cores"),
        _row("System", here["system"]),
        _row("Memory", f"{_gb(here['memory_bytes'])}, of which a model may use {_gb(here['usable_bytes'])}"),
        _row("Computes on", f"{here['device']}, {found['gflops']:.0f} GFLOP/s in float32"),
        _row("Back-end", f"{here['backend']} ({BACKENDS[here['backend']]})"),
        _row("Matrices by", here["matrix_library"]),
        _row("Python", here["python"]),
        *_wrapped("Libraries", [f"{name} {number}" for name, number in found["libraries"].items()]),
        _row("Disk", f"{_gb(found['free_disk_bytes'])} free in {found['models_folder']}"),
        "",
        "Models on this machine",
    ]
    lines += [_model_row(model) for model in found["models"]] or ["  none"]
    lines += ["", "Would Step-Audio 2 mini fit into memory?"]
    lines += [
        f"  {name:22}{_gb(full['bytes']):>8}   {'yes' if full['fits'] else 'no'}"
        for name, full in found["full_model"].items()
    ]
    lines += ["", "How fast should it be? (docs/performance.md)"]
    lines += [f"  {name:22}{one['sentence']}" for name, one in found["predicted"].items()] or [
        f"  Nothing is known of {here['device'] if here['device'] != 'CPU' else 'this processor'}: measure it with "
        "`earshot benchmark`."
    ]
    for title, key in (("Problems", "problems"), ("Advice", "advice")):
        if found[key]:
            lines += ["", title, *(f"  {sentence}" for sentence in found[key])]
    return lines if found["problems"] else [*lines, "", "Everything that is needed is here."]


def _model_row(model: dict[str, Any]) -> str:
    if model["problem"]:
        state = "cannot be used, see below"
    else:
        state = ("fits" if model["fits"] else "does not fit") + (", speaks" if model["speaks"] else ", cannot speak")
    size = _gb(model["bytes_in_memory"] or model["bytes"])
    return f"  {model['name']:22}{size:>8}   {state}\n    {model['folder']}"


def _row(name: str, value: str) -> str:
    return f"{name:13} {value}"


def _wrapped(name: str, items: list[str], in_a_row: int = 5) -> list[str]:
    rows = [", ".join(items[at : at + in_a_row]) for at in range(0, len(items), in_a_row)]
    return [_row("" if place else name, row) for place, row in enumerate(rows)]


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
