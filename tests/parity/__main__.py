"""python -m tests.parity GOLDENS_DIR: how far the engine is from the recorded outputs; exit 0 if all holds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import tests.parity
from engine.backends import NAMES, choose
from tests.parity.goldens import Check, Entry, Goldens, Row


def main(arguments: list[str] | None = None) -> int:
    """Run all checks there are for the entries of a folder; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="GOLDENS_DIR", help="a folder with goldens.json")
    parser.add_argument("--tokenizer", type=Path, help="a tokenizer.json, for a checkpoint that has none of its own")
    parser.add_argument("--only", default="", metavar="PREFIX", help="check only entries whose id begins so")
    parser.add_argument("--backend", default="auto", choices=NAMES, help="what the engine computes with")
    options = parser.parse_args(arguments)
    goldens = Goldens(options.folder, options.tokenizer, choose(options.backend))
    entries = [entry for entry in goldens.entries if entry.id.startswith(options.only)]
    checks = plug_ins()
    rows: list[Row] = []
    print(f"{'stage':<52} {'largest error':>14} {'allowed':>9}  ok   measured as")
    for row in compare(goldens, entries, checks):
        rows.append(row)
        print(f"{row.stage:<52} {row.error:>14.3g} {row.allowed:>9.3g}  {'yes ' if row.ok else 'NO  '} {row.about}")
    unknown = [entry.id for entry in entries if owner(entry, checks) is None]
    for id in unknown:
        print(f"{id:<52} not checked: no module of tests/parity knows it")
    failed = sum(not row.ok for row in rows)
    print(f"{len(rows)} stages compared, {failed} beyond what is allowed, {len(unknown)} entries not checked")
    return 1 if failed or unknown or not rows else 0


def plug_ins() -> dict[str, Check]:
    """The CHECKS of every module in this folder."""
    checks: dict[str, Check] = {}
    for module in iter_modules(tests.parity.__path__, "tests.parity."):
        if not module.name.endswith("__main__"):
            checks |= getattr(import_module(module.name), "CHECKS", {})
    return checks


def owner(entry: Entry, checks: Mapping[str, Check]) -> Check | None:
    """The check with the longest prefix of the entry's id."""
    fitting = [prefix for prefix in checks if entry.id.startswith(prefix)]
    return checks[max(fitting, key=len)] if fitting else None


def compare(goldens: Goldens, entries: list[Entry], checks: Mapping[str, Check]) -> Iterator[Row]:
    """Rows of every entry that has a check. One that breaks counts as an infinite error and says why."""
    for entry in entries:
        check = owner(entry, checks)
        if check is None:
            continue
        compared = 0
        try:
            for row in check(goldens, entry):
                compared += 1
                yield row
        except Exception as error:
            yield Row(entry.id, float("inf"), 0, f"{type(error).__name__}: {error}")
            continue
        if not compared:
            yield Row(entry.id, float("inf"), 0, "its check compared nothing")


if __name__ == "__main__":
    sys.exit(main())
