"""The sheet on which a preset is made or changed: its name, who answers, in which voice, with which tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.shown.choices import Choice, OwnPresetView, ToolOffer
from app.widgets.controls import theme
from app.widgets.controls.buttons import PrimaryButton
from app.widgets.controls.check_box import CheckBox
from app.widgets.controls.choice_box import ChoiceBox
from app.widgets.controls.fields import SheetField, TextArea
from app.widgets.controls.labels import Label
from app.widgets.controls.sheets import cancel_button

_WIDTH, _AREA_HEIGHT, _COLUMNS = 480, 140, 2


class PresetSheet(QDialog):
    """Nothing is kept before its button is pressed."""

    removed = Signal(str)

    def __init__(
        self,
        parent: QWidget,
        preset: OwnPresetView,
        voices: Sequence[Choice],
        tools: Sequence[ToolOffer],
        on_done: Callable[[OwnPresetView], None],
    ) -> None:
        super().__init__(parent, Qt.WindowType.Sheet)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Edit preset") if preset.key else self.tr("New preset"))
        self.setFixedWidth(_WIDTH)
        self._preset, self._on_done, self._voice = preset, on_done, preset.voice
        self.name = SheetField(self.tr("Name"))
        self.name.setText(preset.name)
        self.persona = TextArea(self.tr("Who answers, and how"), preset.persona)
        self.persona.setPlaceholderText(self.tr("You are a patient teacher of Italian. Correct my mistakes kindly…"))
        self.persona.setFixedHeight(_AREA_HEIGHT)
        self.voice = ChoiceBox(self._on_voice)
        self.voice.setAccessibleName(self.tr("Voice"))
        self.voice.show_choices([Choice("", self.tr("The voice in use")), *voices], preset.voice)
        self.tools = {tool.name: CheckBox(tool.title) for tool in tools}
        for name, box in self.tools.items():
            box.setChecked(name in preset.tools)
        self.done_button = PrimaryButton(self.tr("Save"))
        self.done_button.clicked.connect(self._on_clicked)
        self.name.textChanged.connect(self._refresh)
        self.persona.textChanged.connect(self._refresh)
        self._lay_out()
        self._refresh()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        column.addWidget(Label(self.windowTitle(), weight=600))
        column.addWidget(self.name)
        for words, part in ((self.persona.accessibleName(), self.persona), (self.tr("Voice"), self.voice)):
            column.addWidget(Label(words, "second", size_px=theme.SMALL_PX))
            column.addWidget(part)
        column.addWidget(Label(self.tr("Tools it may use"), "second", size_px=theme.SMALL_PX))
        boxes = QGridLayout()
        for number, box in enumerate(self.tools.values()):
            boxes.addWidget(box, number // _COLUMNS, number % _COLUMNS)
        column.addLayout(boxes)
        column.addSpacing(6)
        column.addLayout(self._buttons())

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        if self._preset.key:
            remove = cancel_button(self.tr("Remove"))
            remove.clicked.connect(self._on_removed)
            row.addWidget(remove)
        row.addStretch(1)
        cancel = cancel_button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        row.addWidget(cancel)
        row.addWidget(self.done_button)
        return row

    def _on_voice(self, voice: str) -> None:
        self._voice = voice

    def _refresh(self) -> None:
        filled = bool(self.name.text().strip()) and bool(self.persona.toPlainText().strip())
        self.done_button.setEnabled(filled)

    def _on_clicked(self) -> None:
        tools = tuple(name for name, box in self.tools.items() if box.isChecked())
        name, persona = self.name.text().strip(), self.persona.toPlainText().strip()
        self._on_done(OwnPresetView(self._preset.key, name, persona, self._voice, tools))
        self.accept()

    def _on_removed(self) -> None:
        self.removed.emit(self._preset.key)
        self.accept()
