"""The tools of one server, and whether each asks, may always be used, or never."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from app.shown.choices import Choice
from app.shown.settings import Permission, ServerView
from app.widgets.controls import theme
from app.widgets.controls.choice_box import ChoiceBox
from app.widgets.controls.labels import ElidedLabel


class ServerTools(QWidget):
    """A line for each tool: its name, and what it may."""

    picked = Signal(str, str)  # tool, permission

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 2, 0, 2)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(0, 1)
        self._names: tuple[str, ...] = ()
        self.boxes: dict[str, ChoiceBox] = {}

    def show_server(self, server: ServerView) -> None:
        """Show the tools of this server; says nothing."""
        names = tuple(tool.name for tool in server.tools)
        if names != self._names:
            self._build(names)
        choices = (
            Choice(str(Permission.ASK), self.tr("Ask First")),
            Choice(str(Permission.ALWAYS), self.tr("Always")),
            Choice(str(Permission.NEVER), self.tr("Never")),
        )
        for tool in server.tools:
            box = self.boxes[tool.name]
            box.setAccessibleName(self.tr("Use of {tool} from {server}").format(tool=tool.name, server=server.title))
            box.show_choices(choices, str(tool.permission))

    def _build(self, names: tuple[str, ...]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._names, self.boxes = names, {}
        for number, name in enumerate(names):
            self.boxes[name] = ChoiceBox(partial(self._pick, name), plain=True)
            self._grid.addWidget(ElidedLabel(name, "second", size_px=theme.SMALL_PX + 0.5), number, 0)
            self._grid.addWidget(self.boxes[name], number, 1)

    def _pick(self, name: str, permission: str) -> None:
        self.picked.emit(name, permission)
