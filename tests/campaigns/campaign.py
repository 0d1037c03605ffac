"""What a campaign is, and the table of what campaigns found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

COLUMNS = ("campaign", "kills", "lost", "doubled", "left behind", "seconds")


@dataclass
class Findings:
    """What a start after a kill was missing, had twice, or found lying about, each in words."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)

    def add(self, other: Findings) -> None:
        """Take in what another start found."""
        self.lost += other.lost
        self.doubled += other.doubled
        self.left_behind += other.left_behind

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.left_behind)


@dataclass(frozen=True)
class Campaign:
    """`kill` works in an empty folder of its own, kills once as its seed says, and looks at what is left.

    The second folder is for what several kills begin with.
    """

    name: str
    kill: Callable[[Path, Path, int], Findings]


@dataclass
class Report:
    """What all kills of a campaign found; `faults` names the seeds."""

    name: str
    kills: int = 0
    seconds: float = 0.0
    findings: Findings = field(default_factory=Findings)
    faults: list[str] = field(default_factory=list)

    @property
    def row(self) -> tuple[str, ...]:
        """As in the table."""
        found = self.findings
        counts = (self.kills, len(found.lost), len(found.doubled), len(found.left_behind))
        return (self.name, *map(str, counts), f"{self.seconds:.1f}")


def run_campaign(campaign: Campaign, folder: Path, kills: int, seed: int = 0) -> Report:
    """So many kills, with the seeds from `seed` on."""
    report, began = Report(campaign.name), time.monotonic()
    shared = folder / "shared"
    shared.mkdir(parents=True, exist_ok=True)
    for number in range(seed, seed + kills):
        own = folder / campaign.name / str(number)
        own.mkdir(parents=True)
        try:
            found = campaign.kill(own, shared, number)
        except AssertionError as error:  # a start that came to nothing
            found = Findings(lost=[str(error)])
        report.kills += 1
        report.findings.add(found)
        for kind, words in (("lost", found.lost), ("doubled", found.doubled), ("left behind", found.left_behind)):
            report.faults += [f"{campaign.name} --seed {number} --kills 1: {kind}: {each}" for each in words]
    report.seconds = time.monotonic() - began
    return report


def table(reports: Sequence[Report]) -> str:
    """All reports, one line each, and below them what was found."""
    rows = [COLUMNS, *(report.row for report in reports)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*lines, *(fault for report in reports for fault in report.faults)])


def assert_nothing_found(campaign: Campaign, folder: Path, kills: int, seed: int = 0) -> None:
    """Run a campaign and fail with its table if it lost, doubled or left behind anything."""
    report = run_campaign(campaign, folder, kills, seed)
    print(table([report]))
    assert not report.findings, table([report])
