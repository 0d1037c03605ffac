"""Draws the figures that a training run logged, as curves in a PNG.

python -m starter.checks.plot_figures LOG.jsonl PICTURE.png text speech spelling
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QPen, QPolygonF

WIDTH, HEIGHT = 960, 480
PLOT = QRectF(70, 30, WIDTH - 260, HEIGHT - 90)
COLOURS = ("#2563eb", "#dc2626", "#059669", "#9333ea")
Points = list[tuple[float, float]]


def curves(log: Path, names: Sequence[str]) -> dict[str, Points]:
    """Points (step, value) of the named figures; steps of a run in several stretches are those of all together."""
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return {name: [(row.get("total_step", row["step"]), row[name]) for row in rows if name in row] for name in names}


def draw(found: dict[str, Points], title: str) -> QImage:
    """The picture of the curves, both axes from zero."""
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    last = max(x for points in found.values() for x, _ in points)
    top = max(y for points in found.values() for _, y in points)
    _axes(painter, last, top, title)
    for number, (name, points) in enumerate(found.items()):
        colour = QColor(COLOURS[number % len(COLOURS)])
        painter.setPen(QPen(colour, 2))
        place = [
            QPointF(PLOT.left() + x / last * PLOT.width(), PLOT.bottom() - y / top * PLOT.height()) for x, y in points
        ]
        painter.drawPolyline(QPolygonF(place))
        painter.drawText(QPointF(PLOT.right() + 12, PLOT.top() + 20 + 22 * number), f"{name} {points[-1][1]:.2f}")
    painter.end()
    return image


def _axes(painter: QPainter, last: float, top: float, title: str) -> None:
    painter.setPen(QPen(QColor("#d1d5db"), 1))
    for part in range(6):
        y = PLOT.bottom() - part / 5 * PLOT.height()
        painter.drawLine(QPointF(PLOT.left(), y), QPointF(PLOT.right(), y))
    painter.setPen(QColor("#111827"))
    for part in range(6):
        y, x = PLOT.bottom() - part / 5 * PLOT.height(), PLOT.left() + part / 5 * PLOT.width()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, y - 10, PLOT.left() - 8, 20), right, f"{top * part / 5:.1f}")
        painter.drawText(
            QRectF(x - 40, PLOT.bottom() + 8, 80, 20), Qt.AlignmentFlag.AlignHCenter, f"{last * part / 5:.0f}"
        )
    painter.drawText(QPointF(PLOT.left(), 20), title)
    painter.drawText(QRectF(PLOT.left(), HEIGHT - 34, PLOT.width(), 20), Qt.AlignmentFlag.AlignHCenter, "step")


def main() -> None:
    """Command line."""
    application = QGuiApplication([])
    log, picture, names = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    draw(curves(log, names), f"{log.stem}: {', '.join(names)}").save(picture)
    application.quit()


if __name__ == "__main__":
    main()
