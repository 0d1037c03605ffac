"""The command line of the campaigns."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.campaigns.campaign import Campaign, run_campaign, table
from tests.campaigns.conversation import CONVERSATION, DELETION
from tests.campaigns.downloading import CONVERSION, DOWNLOAD
from tests.campaigns.recording import RECORDING
from tests.campaigns.transcribing import TRANSCRIPTION

CAMPAIGNS: dict[str, Campaign] = {
    each.name: each for each in (CONVERSATION, DELETION, RECORDING, TRANSCRIPTION, DOWNLOAD, CONVERSION)
}


def main() -> int:
    """Run the campaigns that are named, or all; 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(CAMPAIGNS)}; all by default")
    parser.add_argument("--kills", type=int, default=50, help="of each campaign")
    parser.add_argument("--seed", type=int, default=0, help="of the first kill; the next one has the next number")
    parser.add_argument("--keep", type=Path, help="a folder for what the processes leave, which is removed otherwise")
    options = parser.parse_args()
    if unknown := set(options.names) - set(CAMPAIGNS):
        parser.error(f"there is no campaign {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="campaigns-") as folder:
        home = options.keep or Path(folder)
        names = options.names or list(CAMPAIGNS)
        reports = [run_campaign(CAMPAIGNS[name], home, options.kills, options.seed) for name in names]
    print(table(reports))
    return int(any(report.findings for report in reports))


if __name__ == "__main__":
    sys.exit(main())
