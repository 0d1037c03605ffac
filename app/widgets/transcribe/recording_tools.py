"""What the header offers for the queue, and for a transcript."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtWidgets import QWidget

from app.widgets.controls.buttons import IconButton, TextButton, Tone
from app.widgets.transcribe.transcript_page import TranscriptPage

SAID_MS = 2_000


class RecordingTools:
    """Buttons over the transcribe pages. `tools` are all of them, from the left."""

    def __init__(self, transcript: TranscriptPage) -> None:
        self._transcript = transcript
        self.export_all = TextButton(_tr("Export all…"), Tone.SECOND)
        self.clear_finished = TextButton(_tr("Clear finished"), Tone.SECOND)
        self.copy_all = TextButton(_tr("Copy all"), Tone.TEXT, icon="copy")
        self.side = IconButton("side_column", _tr("Side column"))
        self.side.clicked.connect(lambda: transcript.show_side(not transcript.side.isVisible()))
        self._copied = QTimer(self.copy_all, singleShot=True, interval=SAID_MS)
        self._copied.timeout.connect(lambda: self._name_copy(_tr("Copy all")))

    @property
    def tools(self) -> tuple[QWidget, ...]:
        """All of them, in the order in which they stand."""
        return (self.export_all, self.clear_finished, self._transcript.find_field, self.copy_all, self.side)

    def offer(self, *, queue: bool, transcript: bool) -> None:
        """Which page is in front."""
        for each in (self.export_all, self.clear_finished):
            each.setVisible(queue)
        for other in (self._transcript.find_field, self.copy_all, self.side):
            other.setVisible(transcript)

    def say_copied(self) -> None:
        """Tell for a while that everything is on the clipboard."""
        self._name_copy(_tr("Copied"))
        self._copied.start()

    def _name_copy(self, words: str) -> None:
        self.copy_all.setText(words)
        self.copy_all.updateGeometry()


def _tr(text: str) -> str:
    return QCoreApplication.translate("Menus", text)
