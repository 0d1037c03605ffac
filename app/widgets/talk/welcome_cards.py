"""The two cards of the welcome page. Each goes for good when its work is done."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLayout, QVBoxLayout, QWidget

from app.qt import override
from app.shown.talk import Hearing, Welcome
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import PrimaryButton, TextButton, Tone, pen
from app.widgets.controls.choice_button import ChoiceButton
from app.widgets.controls.labels import Label
from app.widgets.controls.level_meter import LevelMeter

LEAST_HEIGHT = 204
_LINE = 24


class _HeardPill(QWidget):
    """The tick that says it works."""

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words, self._font = words, theme.font(theme.SMALL_PX, 600)
        self.setAccessibleName(words)
        self.setFixedSize(QSize(round(QFontMetricsF(self._font).horizontalAdvance(words)) + 36, theme.CHIP))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(values.good_soft)
        painter.drawRoundedRect(QRectF(self.rect()), self.height() / 2, self.height() / 2)
        icons.draw(painter, "tick", QRectF(10, (self.height() - 12) / 2, 12, 12), values.good)
        painter.setFont(self._font)
        painter.setPen(values.good)
        painter.drawText(QRectF(self.rect()).adjusted(27, 0, 0, 0), int(Qt.AlignmentFlag.AlignVCenter), self._words)


class _WelcomeCard(QWidget):
    """A box with a title; amber where something is in the way."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.troubled = False
        self.setMinimumHeight(LEAST_HEIGHT)
        self._title = Label(title, weight=600)
        self._title.setMinimumHeight(theme.CHIP)
        self._head = QHBoxLayout()
        self._head.addWidget(self._title)
        self._head.addStretch(1)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(16, 15, 16, 18)
        self.column.setSpacing(0)
        self.column.addLayout(self._head)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen(values.trouble_bar if self.troubled else values.line))
        painter.setBrush(values.trouble_soft if self.troubled else values.card)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 12, 12)


class MicrophoneCard(_WelcomeCard):
    """Says why the microphone is needed, asks for a few words, and shows that they are heard."""

    allowed = Signal()
    privacy_requested = Signal()
    postponed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._title.setText(self.tr("Microphone"))
        self._hearing = Hearing.SETTLED
        self._heard = _HeardPill(self.tr("Earshot hears you"))
        self._head.addWidget(self._heard)
        self._body = Label("", "second", wrap=True)
        self.meter = LevelMeter()
        self.devices = ChoiceButton(self.tr("Microphone"), outlined=True)
        self.act = PrimaryButton("")
        self.act.clicked.connect(self._on_act)
        self.later = TextButton(self.tr("Not now"), Tone.SECOND)
        self.later.clicked.connect(self.postponed)
        self._foot = Label(self.tr("A test only: nothing of it is kept."), "second", size_px=theme.SMALL_PX)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.devices)
        row.addWidget(self.act)
        row.addWidget(self.later)
        row.addStretch(1)
        self.column.addSpacing(4)
        self.column.addWidget(self._body)
        self.column.addStretch(1)
        self.column.addWidget(self.meter)
        self.column.addStretch(1)
        self.column.addLayout(row)
        self.column.addSpacing(10)
        self.column.addWidget(self._foot)

    @property
    def words(self) -> str:
        """What it says under its title."""
        return self._body.text()

    @property
    def says_heard(self) -> bool:
        """Whether it says that Earshot hears."""
        return not self._heard.isHidden()

    def show_hearing(self, hearing: Hearing) -> None:
        """Show how the test stands; when it is settled the card goes."""
        self._hearing = hearing
        self.setVisible(hearing is not Hearing.SETTLED)
        self.troubled = hearing is Hearing.DENIED
        tests = hearing in (Hearing.TESTED, Hearing.SILENT, Hearing.HEARD)
        for part in (self.meter, self.devices, self._foot):
            part.setVisible(tests)
        self._heard.setVisible(hearing is Hearing.HEARD)
        self.later.setVisible(hearing is not Hearing.HEARD)
        self.act.setVisible(not tests)
        denied = hearing is Hearing.DENIED
        self.act.setText(self.tr("Open Privacy Settings") if denied else self.tr("Allow the microphone…"))
        self._say()
        self.update()

    def _say(self) -> None:
        device = dict(self.devices.choices).get(self.devices.current, "")
        words = {
            Hearing.UNASKED: self.tr(
                "Your Mac will ask once. While this window is in front the microphone stays open, so that your first"
                " word is not lost. Only what you say when you talk is kept, and nothing is sent anywhere."
            ),
            Hearing.DENIED: self.tr(
                "Earshot may not use the microphone. Allow it in the privacy settings, or type instead."
            ),
            Hearing.SILENT: self.tr("{name} gives no sound. Is it muted?").format(name=device),
        }
        self._body.set_tone("trouble" if self._hearing in (Hearing.DENIED, Hearing.SILENT) else "second")
        self._body.setText(words.get(self._hearing, self.tr("Say a few words: the level should move.")))

    def show_devices(self, devices: Sequence[tuple[object, str]], current: object) -> None:
        """Offer these microphones."""
        self.devices.show_choices(devices, current)
        self._say()

    def _on_act(self) -> None:
        (self.privacy_requested if self._hearing is Hearing.DENIED else self.allowed).emit()


class _Point(QWidget):
    """One line of what a model can do, or cannot."""

    def __init__(self, words: str, can: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._can = can
        label = Label(words, "text" if can else "second", wrap=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 2, 0, 2)
        row.addWidget(label)
        self.setMinimumHeight(_LINE)
        not_so = "" if can else self.tr("Not: ")
        label.setAccessibleName(not_so + words)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        name, colour, size = ("check", values.good, 16) if self._can else ("close", values.faint, 14)
        icons.draw(painter, name, QRectF((16 - size) / 2, (_LINE - size) / 2, size, size), colour)


class ModelCard(_WelcomeCard):
    """Says what the demonstration model can do, and offers the full one."""

    models_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._title.setText(self.tr("Demonstration model"))
        self._points = QVBoxLayout()
        self._points.setSpacing(0)
        self._about = Label("", "second", wrap=True)
        self.button = PrimaryButton(self.tr("Get the full model…"))
        self.button.clicked.connect(self.models_requested)
        self._foot = Label("", "second", size_px=theme.SMALL_PX, wrap=True)
        row = QHBoxLayout()
        row.addWidget(self.button)
        row.addStretch(1)
        self.column.addSpacing(4)
        self.column.addLayout(self._points)
        self.column.addWidget(self._about)
        self.column.addStretch(1)
        self.column.addLayout(row)
        self.column.addSpacing(8)
        self.column.addWidget(self._foot)
        self._shown: tuple[tuple[str, ...], tuple[str, ...]] = (), ()

    def show_model(self, welcome: Welcome) -> None:
        """Say what the model can do; one that is no demonstration needs no card."""
        self.setVisible(welcome.demonstration)
        self._about.setText(welcome.about)
        self._about.setVisible(not welcome.can and not welcome.cannot)
        if self._shown != (points := (welcome.can, welcome.cannot)):
            self._shown = points
            _empty(self._points)
            for words, can in [*((each, True) for each in welcome.can), *((each, False) for each in welcome.cannot)]:
                self._points.addWidget(_Point(words, can))

    def show_offer(self, words: str, *, fits: bool = True) -> None:
        """Say which model is offered and what it needs. One that does not fit is not praised, but can be looked at."""
        self.button.setText(self.tr("Get the full model…") if fits else self.tr("Look at the models…"))
        self.button.updateGeometry()
        self._foot.setText(words)
        self._foot.setVisible(bool(words))


def _empty(layout: QLayout) -> None:
    while item := layout.takeAt(0):
        if widget := item.widget():
            widget.hide()
            widget.deleteLater()
