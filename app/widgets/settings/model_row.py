"""An installed model: what it needs, using it, making a smaller copy, removing it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from app.shown.models import ModelView
from app.widgets.controls import theme
from app.widgets.controls.buttons import IconButton, TextButton, Tone
from app.widgets.controls.file_manager import show_file, words_for_showing
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.controls.progress_bar import Bar
from app.widgets.controls.sizes import gigabytes, model_title
from app.widgets.settings.ear_line import EarLine
from app.widgets.settings.model_figures import PADDING, SMALL, Figures, Need, figures_label
from engine.checkpoints.fit import Verdict


class ModelRow(QWidget):
    """One installed model and whether it may be used."""

    chosen = Signal(str)
    copy_wanted = Signal(str)
    copy_stopped = Signal()
    check_wanted = Signal(str)
    check_stopped = Signal()
    remove_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ModelView("", "")
        self._name = ElidedLabel("", weight=600)
        self._about = Label("", "second")
        self._state = Label("", "good", weight=500)
        self.use_button = TextButton(self.tr("Use"))
        self.use_button.clicked.connect(lambda: self.chosen.emit(self.model.key))
        self.copy_button = TextButton(self.tr("Make 4-bit copy"))
        self.copy_button.setToolTip(self.tr("The copy thinks with 4-bit weights; hearing and speaking stay finer."))
        self.copy_button.clicked.connect(lambda: self.copy_wanted.emit(self.model.key))
        self.remove_button = IconButton("trash", self.tr("Move to Trash"), theme.ICON_BUTTON)
        self.remove_button.clicked.connect(lambda: self.remove_wanted.emit(self.model.key))
        self.more_button = IconButton("more", self.tr("More"), theme.ICON_BUTTON)
        self.more_button.clicked.connect(self._open_menu)
        self.stop_button = TextButton(self.tr("Stop"), Tone.SECOND, size_px=SMALL)
        self.stop_button.clicked.connect(self.copy_stopped)
        self._bar, self._making = Bar(), figures_label()
        self._problem = Label("", "trouble", size_px=SMALL, wrap=True)
        self._figures = Figures()
        self._need = Need(self._figures, self)
        self.ear = EarLine(self._figures, self)
        self.ear.check_wanted.connect(lambda: self.check_wanted.emit(self.model.key))
        self.ear.stop_wanted.connect(self.check_stopped)
        self._copying = self._figures.line(self.tr("4-bit copy"), self._bar, self._making)
        self._lay_out()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._name)
        top.addWidget(self._about)
        top.addWidget(self._need.badge)
        top.addStretch(1000)
        for part in (self._state, self.stop_button, self.copy_button, self.use_button):
            top.addWidget(part)
        top.addSpacing(4)
        top.addWidget(self.remove_button)
        top.addWidget(self.more_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(PADDING, 8, PADDING - 6, 12)
        column.setSpacing(2)
        column.addLayout(top)
        column.addLayout(self._figures)
        column.addWidget(self._problem)

    def show_model(self, model: ModelView, total: int) -> None:
        """Show this model, its need on a scale that ends at `total`."""
        self.model = model
        self._name.setText(model_title(model.name))
        self.setAccessibleName(model.name)
        self._about.setText(model.about)
        disk = self.tr("{size} on disk").format(size=gigabytes(model.size)) if model.removable else ""
        self._need.show_need(model.memory, model.free, total, model.verdict, disk)
        problem = model.problem or (model.ear.problem if model.ear is not None else "")
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))
        self._show_state(model)
        self._show_copy(model)
        self.ear.show_check(model.ear, model.name)
        for button, words in (
            (self.use_button, self.tr("Use {model}")),
            (self.copy_button, self.tr("Make a 4-bit copy of {model}")),
            (self.remove_button, self.tr("Move {model} to the Trash")),
            (self.more_button, self.tr("More about {model}")),
        ):
            button.setAccessibleName(words.format(model=model.name))

    def _show_state(self, model: ModelView) -> None:
        self._state.setText(self.tr("✓ In use") if model.current else self.tr("Ready: use it now?"))
        self._state.setVisible(model.current or model.arrived)
        damaged = bool(model.problem) and not model.memory
        usable = not model.current and not damaged and model.making is None
        self.use_button.setVisible(usable)
        self.use_button.setText(self.tr("Use") if model.verdict is Verdict.FITS else self.tr("Use anyway"))
        self.remove_button.setVisible(model.removable and model.making is None)

    def _show_copy(self, model: ModelView) -> None:
        making = model.making is not None
        self.copy_button.setVisible(model.shrinkable and not making)
        self.stop_button.setVisible(making)
        for part in self._copying:
            part.setVisible(making)
        share = int((model.making or 0.0) * 100)
        self._making.setText(self.tr("{share} %").format(share=share))
        self._bar.setValue(share * 10)

    @property
    def words(self) -> str:
        """Everything the row says."""
        labels = (
            *(self._name, self._about, self._need.badge, self._state, self._need.words, *self.ear.labels),
            *(self._making, self._problem),
        )
        return "\n".join(label.text() for label in labels if not label.isHidden())

    def _open_menu(self) -> None:
        menu = QMenu(self)
        menu.addAction(words_for_showing(), lambda: show_file(Path(self.model.key)))
        if self.model.removable:
            menu.addSeparator()
            menu.addAction(self.tr("Move to Trash"), self.remove_button.click)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.more_button.mapToGlobal(self.more_button.rect().bottomLeft()))
