"""Draws resources/icons/earshot.svg into an .icns file: python packaging/icon.py OUT.icns

An .icns file is the four letters "icns", its length, and entries of a type, a length and a PNG each.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

# Every size that a Mac shows, each with its twin for fine screens (@2x).
SIZES = {
    **{b"icp4": 16, b"icp5": 32, b"icp6": 64, b"ic07": 128, b"ic08": 256, b"ic09": 512, b"ic10": 1024},
    **{b"ic11": 32, b"ic12": 64, b"ic13": 256, b"ic14": 512},
}


def png(renderer: QSvgRenderer, size: int) -> bytes:
    """The drawing as a PNG of `size` × `size` pixels."""
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(buffer.data().data())


def main() -> None:
    """Write the icon to the path given."""
    application = QGuiApplication(["icon", "-platform", "offscreen"])
    renderer = QSvgRenderer(str(Path(__file__).parents[1] / "resources" / "icons" / "earshot.svg"))
    drawn = ((kind, png(renderer, size)) for kind, size in SIZES.items())
    entries = b"".join(kind + struct.pack(">I", 8 + len(image)) + image for kind, image in drawn)
    Path(sys.argv[1]).write_bytes(b"icns" + struct.pack(">I", 8 + len(entries)) + entries)
    application.quit()


if __name__ == "__main__":
    main()
