"""A published model that is not installed: what it is for, downloading it, pausing, going on."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.shown import DownloadState, DownloadView
from app.widgets.controls import theme
from app.widgets.controls.buttons import TextButton, Tone
from app.widgets.controls.card import Card
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.controls.progress_bar import Bar
from app.widgets.controls.sizes import share_of, time_left


class DownloadRow(Card):
    """One model to download. Only the buttons say something; nothing is fetched before they are pressed."""

    download_wanted = Signal(str)
    pause_wanted = Signal(str)
    discard_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.download = DownloadView("")
        self._name = ElidedLabel("", weight=600)
        self._size = Label("", "second", size_px=theme.SMALL_PX + 0.5, tabular=True)
        self._about = Label("", "second", size_px=theme.SMALL_PX + 0.5, wrap=True)
        self._figures = Label("", "second", size_px=theme.SMALL_PX + 0.5, wrap=True, tabular=True)
        self._problem = Label("", "trouble", size_px=theme.SMALL_PX + 0.5, wrap=True)
        self._bar = Bar()
        self.act_button = TextButton(self.tr("Download"))
        self.act_button.clicked.connect(self._on_act)
        self.discard_button = TextButton(self.tr("Discard"), Tone.SECOND)
        self.discard_button.clicked.connect(lambda: self.discard_wanted.emit(self.download.name))
        top = QHBoxLayout()
        top.addWidget(self._name)
        top.addStretch(1000)
        top.addWidget(self._size)
        top.addWidget(self.discard_button)
        top.addWidget(self.act_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 12, 10)
        column.setSpacing(2)
        column.addLayout(top)
        column.addWidget(self._about)
        column.addSpacing(4)
        column.addWidget(self._bar)
        for label in (self._figures, self._problem):
            column.addWidget(label)

    @property
    def words(self) -> str:
        """Everything the row says."""
        labels = (self._name, self._size, self._about, self._figures, self._problem)
        return "\n".join(label.text() for label in labels if not label.isHidden())

    def show_download(self, download: DownloadView) -> None:
        """Show how this download stands."""
        self.download = download
        self.setAccessibleName(download.name)
        self._name.setText(download.name)
        self._about.setText(self._purpose(download.name))
        offered = download.state is DownloadState.OFFERED
        self._size.setText(self.tr("about {size}").format(size=f"{download.total / 1e9:.0f} GB"))
        self._size.setVisible(offered)
        self._figures.setVisible(not offered)
        self._figures.setText("" if offered else self._figure_words(download))
        self._problem.setText(download.problem)
        self._problem.setVisible(bool(download.problem))
        self._bar.setVisible(download.state is not DownloadState.OFFERED)
        self._bar.setValue(round(1000 * download.done / download.total) if download.total else 0)
        words = {
            DownloadState.OFFERED: self.tr("Download"),
            DownloadState.RUNNING: self.tr("Pause"),
            DownloadState.PAUSED: self.tr("Go on"),
        }[download.state]
        self.act_button.setText(words)
        self.act_button.setAccessibleName(f"{words}: {download.name}")
        self.discard_button.setVisible(download.state is DownloadState.PAUSED)
        self.discard_button.setAccessibleName(self.tr("Discard what arrived of {model}").format(model=download.name))

    def _purpose(self, name: str) -> str:
        if name.endswith("Think"):
            return self.tr("Reasons aloud before it answers: slower, better at riddles and sums.")
        if name.endswith("Base"):
            return self.tr("Was not taught to converse: for those who build on it.")
        return self.tr("The full model: hears, answers, speaks, writes down, translates.")

    def _figure_words(self, download: DownloadView) -> str:
        parts = [share_of(download.done, download.total)]
        if download.state is DownloadState.RUNNING:
            if download.bytes_per_s >= 1e4:
                parts.append(f"{download.bytes_per_s / 1e6:.1f} MB/s")
                parts.append(time_left((download.total - download.done) / download.bytes_per_s))
            else:
                parts.append(self.tr("waiting for the network…"))
        return " · ".join(parts)

    def _on_act(self) -> None:
        running = self.download.state is DownloadState.RUNNING
        (self.pause_wanted if running else self.download_wanted).emit(self.download.name)
