"""The line "By ear" of a model: how many of its own words it understood, how fast it speaks, and checking it again."""

from __future__ import annotations

from PySide6.QtCore import QDate, QLocale, QObject, QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.qt import override
from app.shown.models import EarView
from app.widgets.controls.buttons import TextButton, Tone
from app.widgets.controls.labels import Label
from app.widgets.controls.memory_bars import need_width
from app.widgets.controls.progress_bar import Bar
from app.widgets.settings.model_figures import SMALL, Figures, figures_label


class _BarWide(QWidget):
    """At least as wide as the bars above it."""

    @override
    def sizeHint(self) -> QSize:
        return super().sizeHint().expandedTo(QSize(need_width(), 0))


class EarLine(QObject):
    """Hidden while there is nothing to say."""

    check_wanted = Signal()
    stop_wanted = Signal()

    def __init__(self, figures: Figures, parent: QWidget) -> None:
        super().__init__(parent)
        self._found, self._bar = figures_label(), Bar()
        self._speed: Label = figures_label()
        self.check_button = TextButton("", size_px=SMALL)
        self.check_button.clicked.connect(self.check_wanted)
        self.stop_button = TextButton(self.tr("Cancel"), Tone.SECOND, size_px=SMALL)
        self.stop_button.clicked.connect(self.stop_wanted)
        found = _BarWide()
        column = QVBoxLayout(found)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._found)
        column.addWidget(self._bar)
        speed = QWidget()
        row = QHBoxLayout(speed)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for part in (self._speed, self.check_button, self.stop_button):
            row.addWidget(part)
        row.addStretch(1)
        self._line = figures.line(self.tr("By ear"), found, speed)

    @property
    def labels(self) -> tuple[Label, ...]:
        """Those that say something, whether they are shown or not."""
        return self._found, self._speed

    def show_check(self, ear: EarView | None, model: str) -> None:
        """What is known of the model of this name; None hides the line."""
        for part in self._line:
            part.setVisible(ear is not None)
        if ear is not None:
            self._show(ear, model)
        else:
            self._found.hide()
            self._speed.hide()

    def _show(self, ear: EarView, model: str) -> None:
        checking = ear.total > 0
        had_keyboard = self.check_button.window().focusWidget() in (self.check_button, self.stop_button)
        self.check_button.setText(self.tr("Check again") if ear.words else self.tr("Check by ear"))
        self.check_button.setVisible(ear.speaks and not checking and ear.can_check)
        self.stop_button.setVisible(checking)
        if had_keyboard:
            (self.stop_button if checking else self.check_button).setFocus(Qt.FocusReason.OtherFocusReason)
        self._bar.setVisible(checking)
        self._found.setVisible(not checking)
        self._bar.setValue(1000 * ear.done // max(ear.total, 1))
        self._found.setText(self._finding(ear))
        self._speed.setText(self._figures(ear, checking))
        self._speed.setVisible(bool(self._speed.text()))
        self._name(ear, model)

    def _finding(self, ear: EarView) -> str:
        if not ear.speaks:
            return self.tr("This model does not speak.")
        if not ear.words:
            return self.tr("not checked yet")
        if ear.language == "zh":
            words = self.tr("understood {understood} of {words} of its own characters")
        else:
            words = self.tr("understood {understood} of {words} of its own words")
        return words.format(understood=ear.understood, words=ear.words)

    def _figures(self, ear: EarView, checking: bool) -> str:
        if checking:
            return self.tr("{done} of {total} sentences").format(done=ear.done, total=ear.total)
        if not ear.words or not ear.speaks:
            return ""
        return self.tr("speaks {speed}× real time").format(speed=f"{ear.speed:.1f}")

    def _name(self, ear: EarView, model: str) -> None:
        again = self.tr("Check {model} by ear again") if ear.words else self.tr("Check {model} by ear")
        self.check_button.setAccessibleName(again.format(model=model))
        self.stop_button.setAccessibleName(self.tr("Stop checking {model} by ear").format(model=model))
        day = QLocale().toString(QDate.fromString(ear.day, Qt.DateFormat.ISODate), QLocale.FormatType.ShortFormat)
        when = self.tr("Checked on {day} with Earshot {version}.").format(day=day, version=ear.earshot)
        for part in self._line:
            part.setToolTip(when if ear.words else "")
        self._found.setAccessibleDescription(when if ear.words else "")
