"""The models page: what is installed, how large it is, whether it fits, switching, and downloading more."""

from __future__ import annotations

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.shown import DownloadView, ModelView, SettingsView
from app.widgets.controls import theme
from app.widgets.controls.buttons import PillButton, TextButton, Tone
from app.widgets.controls.card import Card
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.controls.progress_bar import Bar
from app.widgets.controls.sizes import gigabytes
from app.widgets.settings.download_row import DownloadRow
from app.widgets.settings.form import SettingsPage


class ModelRow(Card):
    """One installed model and whether it may be used."""

    chosen = Signal(str)
    copy_wanted = Signal(str)
    copy_stopped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = ""
        self._name = ElidedLabel("", weight=600)
        self._state = Label(self.tr("In use"), "good", size_px=theme.SMALL_PX + 0.5)
        self._use = TextButton(self.tr("Use"))
        self._state.setContentsMargins(0, 0, 4, 0)  # as far from the edge as the word beside it
        self._state.setFixedHeight(self._use.sizeHint().height())
        self._use.clicked.connect(lambda: self.chosen.emit(self._key))
        self._sizes = Label("", "second", size_px=theme.SMALL_PX + 0.5, wrap=True, tabular=True)
        self._about = Label("", "second", size_px=theme.SMALL_PX + 0.5, wrap=True)
        self._copy = TextButton(self.tr("Make a smaller copy"), size_px=theme.SMALL_PX + 0.5)
        self._copy.clicked.connect(lambda: self.copy_wanted.emit(self._key))
        self._stop = TextButton(self.tr("Stop"), Tone.SECOND, size_px=theme.SMALL_PX + 0.5)
        self._stop.clicked.connect(self.copy_stopped)
        self._bar = Bar()
        self._making = Label("", "second", size_px=theme.SMALL_PX + 0.5, tabular=True)
        self._problem = Label("", "trouble", size_px=theme.SMALL_PX + 0.5, wrap=True)
        finer = self.tr("Its layers take 4 bits a weight; what hears and what speaks stays finer.")
        self._copy.setAccessibleDescription(finer)
        self._copy.setToolTip(finer)
        self._lay_out()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self._name)
        top.addStretch(1000)
        top.addWidget(self._state)
        top.addWidget(self._use)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 12, 10)
        column.setSpacing(2)
        column.addLayout(top)
        sizes = QHBoxLayout()
        sizes.addWidget(self._sizes, 1)
        sizes.addWidget(self._copy)
        column.addWidget(self._about)
        column.addLayout(sizes)
        column.addWidget(self._problem)
        below = QHBoxLayout()
        below.addWidget(self._making, 1)
        below.addWidget(self._stop)
        column.addLayout(below)
        column.addWidget(self._bar)

    def show_model(self, model: ModelView) -> None:
        """Show this model."""
        self._key = model.key
        self._name.setText(model.name)
        self.setAccessibleName(model.name)
        self._use.setAccessibleName(self.tr("Use {model}").format(model=model.name))
        self._about.setText(model.about)
        self._about.setVisible(bool(model.about))
        self._sizes.setText(self._size_words(model))
        self._problem.setText(self._problem_words(model))
        self._problem.setVisible(bool(self._problem.text()))
        self._state.setVisible(model.current)
        self._use.setVisible(not model.current)
        self._show_copy(model)
        self._use.setText(self.tr("Use anyway") if self._too_large(model) else self.tr("Use"))

    def _show_copy(self, model: ModelView) -> None:
        making = model.making is not None
        self._copy.setVisible(model.shrinkable and not making)
        self._copy.setAccessibleName(self.tr("Make a smaller copy of {model}").format(model=model.name))
        for part in (self._making, self._stop, self._bar):
            part.setVisible(making)
        share = int((model.making or 0.0) * 100)
        self._making.setText(self.tr("Making a smaller copy: {share} %").format(share=share))
        self._bar.setValue(share * 10)

    def _too_large(self, model: ModelView) -> bool:
        return not model.current and 0 < model.free < model.memory

    def _size_words(self, model: ModelView) -> str:
        size = self.tr("{size} on disk").format(size=gigabytes(model.size))
        memory = self.tr("needs {memory} of memory").format(memory=gigabytes(model.memory))
        free = self.tr("{free} free").format(free=gigabytes(model.free))
        parts = [size] if model.size else []
        if model.memory:
            parts.append(memory)
            if model.free and not model.current:
                parts.append(free)
        return " · ".join(parts)

    def _problem_words(self, model: ModelView) -> str:
        if model.problem or not self._too_large(model):
            return model.problem
        return self.tr("It does not fit the memory that is free now: the Mac may become slow.")


class ModelsPage(SettingsPage):
    """Installed models, those that can be downloaded, and the folder they lie in."""

    model_chosen = Signal(str)
    copy_wanted = Signal(str)
    copy_stopped = Signal()
    folder_chosen = Signal(str)
    download_wanted = Signal(str)
    pause_wanted = Signal(str)
    discard_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__(self.tr("Models"))
        self.note(self.tr("A model can be changed at any time; the conversation stays."))
        self._rows: list[ModelRow] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self.column.addLayout(self._list)
        self._none = self.note(self.tr("No model is installed in this folder."), "trouble")
        self._more = Label(self.tr("To download"), "second", weight=600, size_px=theme.SMALL_PX)
        self.column.addSpacing(6)
        self.column.addWidget(self._more)
        self._downloads: list[DownloadRow] = []
        self._offers = QVBoxLayout()
        self._offers.setSpacing(8)
        self.column.addLayout(self._offers)
        self._lay_out_folder()
        self.end()

    def _lay_out_folder(self) -> None:
        self.column.addSpacing(6)
        self.column.addWidget(Label(self.tr("Models are kept in"), "second", weight=600, size_px=theme.SMALL_PX))
        self._folder = ElidedLabel("", "second", size_px=theme.SMALL_PX + 0.5)
        choose = PillButton(self.tr("Use another folder…"))
        choose.clicked.connect(self._on_choose)
        show = PillButton(self.tr("Show"))
        show.setAccessibleName(self.tr("Show the models folder"))
        show.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(self._folder.text())))
        row = QHBoxLayout()
        row.addWidget(self._folder, 1)
        row.addWidget(choose)
        row.addWidget(show)
        self.column.addLayout(row)

    def show_settings(self, view: SettingsView) -> None:
        """Show what is installed."""
        while len(self._rows) < len(view.models):
            row = ModelRow()
            row.chosen.connect(self.model_chosen)
            row.copy_wanted.connect(self.copy_wanted)
            row.copy_stopped.connect(self.copy_stopped)
            self._rows.append(row)
            self._list.addWidget(row)
        for number, row in enumerate(self._rows):
            row.setVisible(number < len(view.models))
            if number < len(view.models):
                row.show_model(view.models[number])
        self._none.setVisible(not view.models)
        self._folder.setText(view.models_folder)
        self.show_downloads(view.downloads)

    def show_downloads(self, downloads: tuple[DownloadView, ...]) -> None:
        """Show what can be downloaded and how far it is."""
        while len(self._downloads) < len(downloads):
            row = DownloadRow()
            row.download_wanted.connect(self.download_wanted)
            row.pause_wanted.connect(self.pause_wanted)
            row.discard_wanted.connect(self.discard_wanted)
            self._downloads.append(row)
            self._offers.addWidget(row)
        for number, row in enumerate(self._downloads):
            row.setVisible(number < len(downloads))
            if number < len(downloads):
                row.show_download(downloads[number])
        self._more.setVisible(bool(downloads))

    def row_of(self, name: str) -> DownloadRow:
        """The row of a model that can be downloaded. Raises KeyError."""
        return {row.download.name: row for row in self._downloads if not row.isHidden()}[name]

    def _on_choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, self.tr("Folder of a model, or to keep models in"), self._folder.text()
        )
        if folder:
            self.folder_chosen.emit(folder)
