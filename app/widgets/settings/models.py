"""The models page: what this machine has, what is installed, what can be had, and whether it fits."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QBoxLayout, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.qt import override
from app.shown.models import DownloadView, MachineView
from app.shown.settings import SettingsView
from app.widgets.controls import theme
from app.widgets.controls.buttons import PillButton
from app.widgets.controls.card import Card
from app.widgets.controls.file_manager import show_file, shown_path, words_for_showing
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.controls.memory_bars import Dot, MachineBar, Part, Tick
from app.widgets.controls.sizes import gigabytes
from app.widgets.settings.download_row import DownloadRow
from app.widgets.settings.form import SettingsPage
from app.widgets.settings.model_figures import PADDING, SMALL, RowsCard
from app.widgets.settings.model_row import ModelRow
from app.widgets.settings.other_machine import OtherMachineCard


class MachineCard(Card):
    """This machine's memory, and how much of it a model may take."""

    RADIUS, GROUND = theme.FIELD_RADIUS, "window"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = Label("", "second", tabular=True)
        self._disk = Label("", "second", tabular=True)
        self._bar = MachineBar()
        self._parts = [
            (colour, Dot(colour), Label("", "second", size_px=SMALL, tabular=True))
            for colour in ("field_line", "accent", "groove")
        ]
        self._limit = (
            Tick(),
            Label(self.tr("a model may take up to"), "second", size_px=SMALL),
            Label("", size_px=SMALL, weight=500, tabular=True),
        )
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(Label(self.tr("This Mac"), weight=600))
        top.addWidget(self._name)
        top.addStretch(1)
        top.addWidget(self._disk)
        self._legend = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._legend.setSpacing(6)
        parts = QHBoxLayout()
        parts.setSpacing(6)
        for _, dot, label in self._parts:
            parts.addWidget(dot)
            parts.addWidget(label)
            parts.addSpacing(8)
        parts.addStretch(1)
        self._legend.addLayout(parts, 1)
        limit = QHBoxLayout()
        limit.setSpacing(5)
        for part in self._limit:
            limit.addWidget(part)
        self._legend.addLayout(limit)
        column = QVBoxLayout(self)
        column.setContentsMargins(PADDING, 12, PADDING, 13)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self._bar)
        column.addLayout(self._legend)

    def show_machine(self, machine: MachineView) -> None:
        """Show this machine; nothing as long as nothing is known of it."""
        self.setVisible(machine.memory > 0)
        roomy = theme.text_scale() <= 1.1
        self._legend.setDirection(QBoxLayout.Direction.LeftToRight if roomy else QBoxLayout.Direction.TopToBottom)
        memory = self.tr("{size} of memory").format(size=f"{machine.memory / 1e9:.0f} GB")
        self._name.setText(" · ".join(part for part in (machine.processor, memory) if part))
        self._disk.setText(self.tr("{size} free on disk").format(size=f"{machine.disk_free / 1e9:.0f} GB"))
        self._limit[2].setText(gigabytes(machine.usable))
        others = machine.others or 0
        sizes = (others, machine.own, max(machine.memory - others - machine.own, 0))
        words = (
            self.tr("Other apps {size}"),
            self.tr("Earshot {size}"),
            self.tr("Free {size}") if machine.others is not None else self.tr("Free, and other apps {size}"),
        )
        told = [text.format(size=gigabytes(size)) for text, size in zip(words, sizes, strict=True)]
        for (_, dot, label), size, text in zip(self._parts, sizes, told, strict=True):
            label.setText(text)
            for part in (dot, label):
                part.setVisible(size > 0)
        parts = [Part(size, colour) for (colour, _, _), size in zip(self._parts, sizes, strict=True) if size]
        self._bar.show_parts(parts, ", ".join(told))


class ModelsPage(SettingsPage):
    """Installed models, those that can be downloaded, and the folder they lie in."""

    model_chosen = Signal(str)
    copy_wanted = Signal(str)
    copy_stopped = Signal()
    check_wanted = Signal(str)
    check_stopped = Signal()
    remove_wanted = Signal(str)
    folder_chosen = Signal(str)
    download_wanted = Signal(str)
    pause_wanted = Signal(str)
    discard_wanted = Signal(str)
    size_chosen = Signal(str, int)
    keep_toggled = Signal(str, bool)

    def __init__(self) -> None:
        super().__init__(self.tr("Models"))
        self._machine = MachineView()
        self.machine_card = MachineCard()
        self.column.addWidget(self.machine_card)
        self._rows: list[ModelRow] = []
        self._downloads: list[DownloadRow] = []
        self.heading(self.tr("On this Mac"))
        self._installed = RowsCard()
        self.column.addWidget(self._installed)
        self._none = self.note(self.tr("No model is installed in this folder."), "trouble")
        self.heading(self.tr("On another machine"))
        self.other_machine = OtherMachineCard()
        self.column.addWidget(self.other_machine)
        self._more = self.heading(self.tr("To download"))
        self._offers = RowsCard()
        self.column.addWidget(self._offers)
        self._lay_out_folder()
        self.end()

    def _lay_out_folder(self) -> None:
        self.heading(self.tr("Kept in"))
        self._folder_path = ""
        self._folder = ElidedLabel("")
        self._kept_size = Label("", "second", size_px=SMALL, tabular=True)
        choose = PillButton(self.tr("Change…"))
        choose.setAccessibleName(self.tr("Keep models in another folder"))
        choose.clicked.connect(self._on_choose)
        show = PillButton(words_for_showing())
        show.setAccessibleName(self.tr("Show the folder of the models"))
        show.clicked.connect(lambda: show_file(Path(self._folder_path)))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._folder)
        row.addWidget(self._kept_size)
        row.addStretch(1000)
        row.addWidget(choose)
        row.addWidget(show)
        self.column.addLayout(row)

    @override
    def show_settings(self, view: SettingsView) -> None:
        """Show what is installed."""
        self._machine = view.machine
        self.machine_card.show_machine(view.machine)
        while len(self._rows) < len(view.models):
            self._rows.append(self._new_row())
        for number, row in enumerate(self._rows):
            row.setVisible(number < len(view.models))
            if number < len(view.models):
                row.show_model(view.models[number], view.machine.memory or view.models[number].free)
        self._none.setVisible(not view.models)
        self._installed.setVisible(bool(view.models))
        self._folder_path = view.models_folder
        self._folder.setText(shown_path(view.models_folder))
        self._kept_size.setText(gigabytes(sum(model.size for model in view.models if model.removable)))
        self.other_machine.show_machine(view.other_machine)
        self.show_downloads(view.downloads)

    def _new_row(self) -> ModelRow:
        row = ModelRow()
        row.chosen.connect(self.model_chosen)
        row.copy_wanted.connect(self.copy_wanted)
        row.copy_stopped.connect(self.copy_stopped)
        row.check_wanted.connect(self.check_wanted)
        row.check_stopped.connect(self.check_stopped)
        row.remove_wanted.connect(self.remove_wanted)
        self._installed.rows.addWidget(row)
        return row

    def show_downloads(self, downloads: tuple[DownloadView, ...]) -> None:
        """Show what can be downloaded and how far it is."""
        while len(self._downloads) < len(downloads):
            self._downloads.append(self._new_offer())
        for number, row in enumerate(self._downloads):
            row.setVisible(number < len(downloads))
            if number < len(downloads):
                row.show_download(downloads[number], self._machine.memory or downloads[number].usable)
        self._more.setVisible(bool(downloads))
        self._offers.setVisible(bool(downloads))

    def _new_offer(self) -> DownloadRow:
        row = DownloadRow()
        row.download_wanted.connect(self.download_wanted)
        row.pause_wanted.connect(self.pause_wanted)
        row.discard_wanted.connect(self.discard_wanted)
        row.size_chosen.connect(self.size_chosen)
        row.keep_toggled.connect(self.keep_toggled)
        self._offers.rows.addWidget(row)
        return row

    def row_of(self, name: str) -> DownloadRow:
        """The row of a model that can be downloaded. Raises KeyError."""
        return {row.download.name: row for row in self._downloads if not row.isHidden()}[name]

    def model_row(self, name: str) -> ModelRow:
        """The row of an installed model. Raises KeyError."""
        return {row.model.name: row for row in self._rows if not row.isHidden()}[name]

    def _on_choose(self) -> None:
        title = self.tr("A model's folder, or one to keep models in")
        if folder := QFileDialog.getExistingDirectory(self, title, self._folder_path):
            self.folder_chosen.emit(folder)
