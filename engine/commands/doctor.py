"""`earshot doctor`: what this machine can do, and what is missing."""

from __future__ import annotations

import argparse

from engine.commands.console import result, result_json, version


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser("doctor", help="what this machine can run, and what is missing", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    findings = {"version": version()}
    if args.json:
        result_json(findings)
    else:
        result("\n".join(f"{name:12} {value}" for name, value in findings.items()))
    return 0
