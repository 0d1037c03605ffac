"""A published model that is not installed: what it is for, in which size it fits, getting it, pausing, resuming."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.shown.choices import Choice
from app.shown.models import DownloadState, DownloadView, SizeView
from app.widgets.controls import theme
from app.widgets.controls.buttons import IconButton, PaintedButton, PillButton, TextButton
from app.widgets.controls.check_box import CheckBox
from app.widgets.controls.choice_box import ChoiceBox
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.controls.progress_bar import Bar
from app.widgets.controls.sizes import gigabytes, model_title, time_left
from app.widgets.settings.model_figures import PADDING, SMALL, Figures, Need, figures_label, one_decimal
from engine.checkpoints.fit import AS_PUBLISHED_BITS, Verdict


class DownloadRow(QWidget):
    """One model to get. Nothing is fetched before its button is pressed."""

    download_wanted = Signal(str)
    pause_wanted = Signal(str)
    discard_wanted = Signal(str)
    size_chosen = Signal(str, int)
    keep_toggled = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.download = DownloadView("")
        self._name = ElidedLabel("", weight=600)
        self.size_menu = ChoiceBox(lambda bits: self.size_chosen.emit(self.download.name, int(bits)), plain=True)
        self._about = Label("", "second", size_px=SMALL, wrap=True)
        self._problem = Label("", "trouble", size_px=SMALL, wrap=True)
        self._bar, self._arrived = Bar(), figures_label()
        self._then = Label("", "second", size_px=SMALL, wrap=True)
        self.keep_box = CheckBox(self.tr("Keep the original as well"))
        self.keep_box.toggled.connect(lambda on: self.keep_toggled.emit(self.download.name, on))
        self._download_button = PillButton(self.tr("Download"))
        self._pause_button = TextButton(self.tr("Pause"))
        for button in (self._download_button, self._pause_button):
            button.clicked.connect(self._on_act)
        self.discard_button = IconButton("close", self.tr("Cancel the download"), theme.ICON_BUTTON)
        self.discard_button.clicked.connect(lambda: self.discard_wanted.emit(self.download.name))
        self._figures = Figures()
        self._need = Need(self._figures, self)
        self._arriving = self._figures.line(self.tr("Download"), self._bar, self._arrived)
        self._after = self._figures.line(self.tr("Then"), self._then)
        self._keeping = self._figures.line("", self.keep_box)
        self._lay_out()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        for part in (self._name, self.size_menu, self._need.badge):
            top.addWidget(part)
        top.addStretch(1000)
        top.addWidget(self._download_button)
        top.addWidget(self._pause_button)
        top.addWidget(self.discard_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(PADDING, 8, PADDING, 12)
        column.setSpacing(2)
        self._top = top
        column.addLayout(top)
        column.addWidget(self._about)
        column.addLayout(self._figures)
        column.addWidget(self._problem)

    @property
    def words(self) -> str:
        """Everything the row says."""
        need = self._need
        labels = (self._name, need.badge, self._about, need.words, self._arrived, self._then, self._problem)
        return "\n".join(label.text() for label in labels if not label.isHidden())

    @property
    def act_button(self) -> PaintedButton:
        """What begins, pauses or resumes the download."""
        running = self.download.state is DownloadState.RUNNING
        return self._pause_button if running else self._download_button

    @property
    def badge(self) -> str:
        """Whether it fits, in words."""
        return self._need.badge.text()

    def show_download(self, download: DownloadView, total: int) -> None:
        """Show how this download stands, its need on a scale that ends at `total`."""
        self.download = download
        self.setAccessibleName(download.name)
        self._name.setText(model_title(download.name))
        self._show_size(download, total)
        self._show_progress(download)
        self._show_copy(download)
        self._problem.setText(download.problem)
        self._problem.setVisible(bool(download.problem))

    @property
    def _size(self) -> SizeView:
        """The size that is wanted."""
        sizes = self.download.sizes or (SizeView(AS_PUBLISHED_BITS, 0, self.download.total),)
        return next((size for size in sizes if size.bits == self.download.bits), sizes[0])

    def _show_size(self, download: DownloadView, total: int) -> None:
        choices = [Choice(str(size.bits), self._words_of(size.bits)) for size in download.sizes]
        self.size_menu.show_choices(choices, str(download.bits))
        self.size_menu.setVisible(download.state is not DownloadState.RUNNING and len(choices) > 1)
        self.size_menu.setAccessibleName(self.tr("Size of {model}").format(model=download.name))
        size = self._size
        fits, smaller = size.memory <= download.usable, size.bits != AS_PUBLISHED_BITS
        whole = any(each.bits == AS_PUBLISHED_BITS and each.memory <= download.usable for each in download.sizes)
        recommended = Verdict.FITS_AS_COPY if smaller and not whole else Verdict.FITS
        verdict = recommended if fits else Verdict.TOO_LARGE
        offered = download.state is DownloadState.OFFERED
        gb = f"{download.total / 1e9:.0f} GB"
        more = self.tr("{size} to download").format(size=gb) if offered and fits else ""
        self._need.show_need(size.memory, download.usable, total, verdict, more)
        would = next((each for each in download.sizes if each.memory <= download.usable), None)
        hint = self.tr("The 4-bit copy would fit.") if not fits and would is not None else ""
        self._about.setText(" ".join(part for part in (self._purpose(download.name), hint) if part))
        self._download_button.setEnabled(fits)

    def _words_of(self, bits: int) -> str:
        return self.tr("as published, 16-bit") if bits == AS_PUBLISHED_BITS else self.tr("4-bit copy")

    def _show_progress(self, download: DownloadView) -> None:
        offered = download.state is DownloadState.OFFERED
        for part in (*self._arriving, self.discard_button):
            part.setVisible(not offered)
        self._top.setContentsMargins(0, 0, 0 if offered else -6, 0)  # the cross ends where the words do
        self._arrived.setText("" if offered else self._figure_words(download))
        self._bar.setValue(round(1000 * download.done / download.total) if download.total else 0)
        words = {
            DownloadState.OFFERED: self.tr("Download"),
            DownloadState.RUNNING: self.tr("Pause"),
            DownloadState.PAUSED: self.tr("Resume"),
        }[download.state]
        self.act_button.setText(words)
        self.act_button.setAccessibleName(f"{words}: {download.name}")
        self._download_button.setVisible(download.state is not DownloadState.RUNNING)
        self._pause_button.setVisible(download.state is DownloadState.RUNNING)
        self.discard_button.setAccessibleName(self.tr("Cancel the download of {model}").format(model=download.name))

    def _show_copy(self, download: DownloadView) -> None:
        smaller, size = download.bits != AS_PUBLISHED_BITS, self._size
        for part in self._after:
            part.setVisible(smaller)
        for part in self._keeping:
            part.setVisible(smaller and download.state is not DownloadState.RUNNING)
        kept = size.disk + (download.total if download.keep_original else 0)
        words = self.tr("a 4-bit copy is made from it; {size} stay on disk")
        self._then.setText(words.format(size=gigabytes(kept)))
        with QSignalBlocker(self.keep_box):
            self.keep_box.setChecked(download.keep_original)
        self.keep_box.setAccessibleName(self.tr("Keep the original of {model} as well").format(model=download.name))

    def _purpose(self, name: str) -> str:
        if name.endswith("Think"):
            return self.tr("Reasons before it speaks: slower, better at riddles and sums.")
        if name.endswith("Base"):
            return self.tr("Not trained for conversation: for people who build on it.")
        return self.tr("The full model: hears, answers, speaks, transcribes, translates.")

    def _figure_words(self, download: DownloadView) -> str:
        share = self.tr("{done} of {total}")
        parts = [share.format(done=one_decimal(download.done), total=gigabytes(download.total))]
        if download.state is DownloadState.RUNNING:
            if download.bytes_per_s >= 1e4:
                parts.append(f"{download.bytes_per_s / 1e6:.0f} MB/s")
                parts.append(time_left((download.total - download.done) / download.bytes_per_s))
            else:
                parts.append(self.tr("waiting for the network…"))
        return " · ".join(parts)

    def _on_act(self) -> None:
        running = self.download.state is DownloadState.RUNNING
        (self.pause_wanted if running else self.download_wanted).emit(self.download.name)
