"""The voice library: choose, rename and remove voices, and record a new one with consent."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.qt import override
from app.shown.models import VoiceView
from app.shown.settings import SettingsView
from app.widgets.controls import theme
from app.widgets.controls.buttons import PillButton, PrimaryButton, TextButton, Tone
from app.widgets.controls.card import Card
from app.widgets.controls.check_box import CheckBox
from app.widgets.controls.fields import SheetField
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.controls.progress_bar import Bar
from app.widgets.controls.sheets import NameSheet
from app.widgets.settings.form import SettingsPage


class VoiceRow(QWidget):
    """One voice."""

    used = Signal(str)
    heard = Signal(str)
    rename_requested = Signal(str, str)
    remove_requested = Signal(str)

    def __init__(self, voice: VoiceView, current: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(34)
        self.setAccessibleName(voice.name)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(ElidedLabel(voice.name, weight=500))
        kind = self.tr("built in") if voice.built_in else self.tr("yours")
        row.addWidget(Label(kind, "second", size_px=theme.SMALL_PX))
        row.addStretch(1000)
        if current:
            row.addWidget(Label(self.tr("In use"), "good", size_px=theme.SMALL_PX + 0.5))
        else:
            row.addWidget(self._button(self.tr("Use"), voice, lambda: self.used.emit(voice.key)))
        row.addWidget(self._button(self.tr("Hear"), voice, lambda: self.heard.emit(voice.key)))
        if not voice.built_in:
            rename = self._button(self.tr("Rename"), voice, lambda: self.rename_requested.emit(voice.key, voice.name))
            remove = self._button(self.tr("Remove"), voice, lambda: self.remove_requested.emit(voice.key))
            for button in (rename, remove):
                button.set_tone(Tone.SECOND)
                row.addWidget(button)

    def _button(self, text: str, voice: VoiceView, act: object) -> TextButton:
        button = TextButton(text, size_px=theme.SMALL_PX + 0.5)
        button.setAccessibleName(f"{text}: {voice.name}")
        button.clicked.connect(act)
        return button

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.fillRect(QRectF(16, self.height() - 1, self.width() - 32, 1), values.line)


class LevelBar(Bar):
    """How loud it is now."""

    COLOUR = "listening"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Level of the microphone"))


class VoiceRecorder(Card):
    """Records five seconds once the speaker's consent is given."""

    started = Signal(str)  # the name
    stopped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name_field = SheetField(self.tr("Name of the voice"))
        self.name_field.setMaximumWidth(220)
        self.consent = CheckBox(self.tr("This is my own voice, or its owner agreed to this"))
        self.record_button = PrimaryButton(self.tr("Record five seconds"))
        self._bar = Bar()
        self._level = LevelBar()
        self._say = Label("", "second", size_px=theme.SMALL_PX + 0.5, wrap=True)
        self._recording = False
        self.name_field.textChanged.connect(self._refresh)
        self.consent.toggled.connect(self._refresh)
        self.record_button.clicked.connect(self._on_record)
        self._lay_out()
        self.show_progress(None)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(8)
        column.addWidget(Label(self.tr("Record a voice"), weight=600))
        words = self.tr(
            "Read something aloud in a quiet room. Earshot will then be able to speak in this voice. "
            "The recording and the voice stay on this Mac. Do not copy a voice without its owner's consent."
        )
        column.addWidget(Label(words, "second", size_px=theme.SMALL_PX + 0.5, wrap=True))
        column.addWidget(self.name_field)
        column.addWidget(self.consent)
        row = QHBoxLayout()
        row.addWidget(self.record_button)
        row.addWidget(self._say, 1)
        column.addLayout(row)
        column.addWidget(self._bar)
        column.addWidget(self._level)

    @property
    def recording(self) -> bool:
        """Whether a voice is being recorded."""
        return self._recording

    def _refresh(self) -> None:
        ready = bool(self.name_field.text().strip()) and self.consent.isChecked()
        self.record_button.setEnabled(ready or self._recording)

    def _on_record(self) -> None:
        if self._recording:
            self.stopped.emit()
        else:
            self.started.emit(self.name_field.text().strip())

    def show_progress(self, seconds: float | None, message: str = "", *, trouble: bool = False) -> None:
        """How much is recorded; None when nothing is being recorded. `message` says what came of it."""
        self._recording = seconds is not None
        self.record_button.setText(self.tr("Stop") if self._recording else self.tr("Record five seconds"))
        self._bar.setVisible(self._recording)
        self._level.setVisible(self._recording)
        self._bar.setValue(int(min((seconds or 0.0) / 5.0, 1.0) * 1000))
        read = self.tr("Read aloud: “The quiet river carries the light of the evening down to the sea.”")
        self._say.setText(read if self._recording and not message else message)
        self._say.set_tone("trouble" if trouble else "second")
        self._refresh()

    def show_level(self, level: float) -> None:
        """How loud the microphone hears, 0 to 1."""
        if self._recording:
            self._level.setValue(int(1000 * min(max(level, 0.0), 1.0)))

    @property
    def level(self) -> float:
        """The level as shown."""
        return self._level.value() / 1000

    @property
    def message(self) -> str:
        """What is said beside the button."""
        return self._say.text()

    def clear(self) -> None:
        """Be ready for another voice."""
        self.name_field.clear()
        self.consent.setChecked(False)


class VoicesPage(SettingsPage):
    """The library and the recorder."""

    voice_chosen = Signal(str)
    voice_heard = Signal(str)
    voice_renamed = Signal(str, str)
    remove_requested = Signal(str)
    import_requested = Signal()

    def __init__(self) -> None:
        super().__init__(self.tr("Voices"))
        self._shown: tuple[tuple[VoiceView, ...], str] | None = None
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self.column.addLayout(self._list)
        self._none = self.note(self.tr("This model has no voice of its own; record one below, or import a recording."))
        self.recorder = VoiceRecorder()
        self.column.addSpacing(6)
        self.column.addWidget(self.recorder)
        bring = PillButton(self.tr("Import a recording…"))
        bring.clicked.connect(self.import_requested)
        self.column.addWidget(bring, 0, Qt.AlignmentFlag.AlignLeft)
        self.end()

    def show_settings(self, view: SettingsView) -> None:
        """Show these voices."""
        self._none.setVisible(not view.voices)
        if self._shown == (view.voices, view.voice):
            return
        self._shown = (view.voices, view.voice)
        while item := self._list.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        for voice in view.voices:
            row = VoiceRow(voice, voice.key == view.voice)
            row.used.connect(self.voice_chosen)
            row.heard.connect(self.voice_heard)
            row.rename_requested.connect(self._on_rename)
            row.remove_requested.connect(self.remove_requested)
            self._list.addWidget(row)

    def _on_rename(self, key: str, name: str) -> None:
        def renamed(new: str) -> None:
            if new != name:
                self.voice_renamed.emit(key, new)

        title, detail = self.tr("Rename voice"), self.tr("The voice itself stays as it is.")
        NameSheet(self, title, detail, name, self.tr("Rename"), renamed).open()
