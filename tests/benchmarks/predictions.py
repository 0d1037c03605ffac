"""The tables of docs/performance.md that are computed: what limits each stage, and what a chip should do.

python -m tests.benchmarks.predictions
"""

from __future__ import annotations

import sys

from engine.performance import Chip, Sizes, Work, chip_of, hear, predict, read, speak, write

CHIPS = ("Apple M1 Pro", "Apple M2 Max", "Apple M4 Max", "Apple M5", "NVIDIA H200")
BITS = (16, 8, 4)
_PLACES = 98  # of the prompt of a first question of three seconds


def stages(chip: Chip, bits: int) -> dict[str, Work]:
    """The work of each stage of a reply."""
    sizes, own = Sizes(), chip.own_kernels
    return {
        "hear 3 s": hear(sizes, bits),
        f"read {_PLACES} places": read(sizes, bits, _PLACES),
        "write an id": write(sizes, bits, own=own),
        "speak 10 tokens": speak(sizes, 10, own=own),
        "speak 25 tokens": speak(sizes, 25, own=own),
    }


def limits(bits: int = 16) -> list[str]:
    """A row for each stage: what it reads, computes and launches; on each chip the time and what takes most of it."""
    chips = [chip for name in CHIPS if (chip := chip_of(name))]
    lines = ["| stage | reads, GB | computes, GFLOP | launches | " + " | ".join(_short(chip) for chip in chips) + " |"]
    lines.append("|---" * (4 + len(chips)) + "|")
    for name in stages(chips[0], bits):
        work = stages(chips[0], bits)[name]
        cells = [_cell(stages(chip, bits)[name], chip) for chip in chips]
        facts = f"{work.read_bytes / 1e9:.1f} | {work.operations / 1e9:,.0f} | {work.launches:,.0f}"
        lines.append(f"| {name} | {facts} | " + " | ".join(cells) + " |")
    return lines


def _short(chip: Chip) -> str:
    return chip.name.removeprefix("Apple ").removeprefix("NVIDIA ")


def _cell(work: Work, chip: Chip) -> str:
    return f"{1000 * work.seconds(chip):.1f} ms, {work.limit(chip)}"


def predictions() -> list[str]:
    """A row for each chip and width."""
    lines = [
        "| chip | bits | ids/s | first heard, s | speech made in a second, s | memory, GB |",
        "|---|---|---|---|---|---|",
    ]
    for name in CHIPS:
        chip = chip_of(name)
        assert chip is not None
        for bits in BITS:
            one = predict(chip, bits)
            lines.append(
                f"| {_short(chip)} | {bits} | {one.ids_per_s:.0f} | {one.first_heard_s:.1f} | {one.real_time:.1f} | "
                f"{one.memory_bytes / 1e9:.1f} |"
            )
    return lines


def main() -> int:
    """Print both tables."""
    print("\n".join([*limits(), "", *predictions()]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
