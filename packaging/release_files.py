"""Writes what goes with a disk image: python packaging/release_files.py DMG [--address URL]

SHA256SUMS for people, latest.json for Earshot's own notice of updates (which is off until it is asked for), and
earshot.rb, a cask for Homebrew. URL is the folder that the files can be fetched from; without it the cask is left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

from contents import MINIMUM_SYSTEM
from info_plist import version

_SYSTEMS = {14: "sonoma", 15: "sequoia", 26: "tahoe"}


def write(image: Path, address: str = "") -> list[Path]:
    """Write the files beside the disk image; returns them."""
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    written = {"SHA256SUMS": f"{digest}  {image.name}\n", "latest.json": _latest(image, digest, address)}
    if address:
        written["earshot.rb"] = _cask(digest, address)
    for name, text in written.items():
        image.with_name(name).write_text(text, encoding="utf-8")
    return [image.with_name(name) for name in written]


def _latest(image: Path, digest: str, address: str) -> str:
    told = {
        "version": version(),
        "minimum_system": ".".join(map(str, MINIMUM_SYSTEM)),
        "file": f"{address}/{image.name}" if address else image.name,
        "bytes": image.stat().st_size,
        "sha256": digest,
    }
    return json.dumps(told, indent=1) + "\n"


def _cask(digest: str, address: str) -> str:
    page = address.partition("/releases/")[0]
    return f"""cask "earshot" do
  version "{version()}"
  sha256 "{digest}"

  url "{page}/releases/download/v#{{version}}/Earshot-#{{version}}.dmg"
  name "Earshot"
  desc "Private voice assistant that runs on this machine alone"
  homepage "{page}"

  depends_on macos: ">= :{_SYSTEMS[MINIMUM_SYSTEM[0]]}"
  depends_on arch: :arm64

  app "Earshot.app"
  binary "#{{appdir}}/Earshot.app/Contents/MacOS/Earshot", target: "earshot-app"

  zap trash: [
    "~/Library/Application Support/Earshot",
    "~/Library/Caches/Earshot",
    "~/Library/Logs/Earshot",
  ]
end
"""


def main() -> int:
    """Write the files; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--address", default="")
    options = parser.parse_args()
    for path in write(options.image, options.address.rstrip("/")):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
