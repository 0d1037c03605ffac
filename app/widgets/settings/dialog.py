"""The settings: a window of their own with its pages on the left. Every change counts at once."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeySequence, QPainter, QPaintEvent, QShortcut
from PySide6.QtWidgets import QDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.qt import override
from app.shown.settings import SettingsView
from app.widgets.controls import theme
from app.widgets.controls.labels import Label
from app.widgets.controls.page_list import PageList
from app.widgets.controls.toast import Toast
from app.widgets.settings.form import SettingsPage
from app.widgets.settings.models import ModelsPage
from app.widgets.settings.pages import AnswersPage, GeneralPage, PrivacyPage, SoundPage, ToolsPage
from app.widgets.settings.programs import ProgramsPage
from app.widgets.settings.shortcuts import ShortcutsPage
from app.widgets.settings.voices import VoicesPage

LIST_WIDTH = 200


class SettingsDialog(QDialog):
    """Shows settings and says what was changed: `changed("pre_roll_ms", 300)`."""

    changed = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Dialog)
        self.setWindowTitle(self.tr("Settings"))
        self.setMinimumSize(840, 480)  # narrower, the figures of the models would be cut
        self.resize(880, 720)
        self.general = GeneralPage(self.changed.emit)
        self.sound = SoundPage(self.changed.emit)
        self.answers = AnswersPage(self.changed.emit)
        self.models = ModelsPage()
        self.voices = VoicesPage()
        self.tools = ToolsPage(self.changed.emit)
        self.programs = ProgramsPage(self.changed.emit)
        self.privacy = PrivacyPage(self.changed.emit)
        self.shortcuts = ShortcutsPage()
        self._list = PageList(self.tr("Pages of the settings"), LIST_WIDTH)
        self._stack = QStackedWidget()
        self._title = Label("", weight=600)
        self._problem = Label("", "trouble", wrap=True)
        self._build_pages()
        self._lay_out()
        self.toast = Toast(self)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Close), self, self.close)

    @property
    def all_pages(self) -> list[SettingsPage]:
        """The pages from top to bottom."""
        return [
            self.general, self.sound, self.models, self.voices,
            self.answers, self.tools, self.programs, self.privacy, self.shortcuts,
        ]  # fmt: skip

    def _build_pages(self) -> None:
        titles = [page.accessibleName() for page in self.all_pages]
        self._list.show_pages([(title, title, "") for title in titles])
        for page in self.all_pages:
            self._stack.addWidget(page)
        self._list.currentRowChanged.connect(self._on_page)
        self._list.setCurrentRow(0)

    def _on_page(self, number: int) -> None:
        self._stack.setCurrentIndex(number)
        self._title.setText(self.all_pages[number].accessibleName())
        self.show_problem("")

    def _lay_out(self) -> None:
        self._title.setFixedHeight(theme.BAR_HEIGHT)
        self._title.setContentsMargins(24, 0, 24, 0)
        self._problem.setContentsMargins(24, 10, 24, 12)
        self._problem.hide()
        right = QVBoxLayout()
        right.setContentsMargins(1, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self._title)
        right.addSpacing(1)
        right.addWidget(self._stack, 1)
        right.addWidget(self._problem)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        left = QVBoxLayout()
        left.setContentsMargins(0, 16, 0, 14)
        left.addWidget(self._list)
        row.addLayout(left)
        row.addLayout(right, 1)

    def show_problem(self, sentence: str) -> None:
        """What went wrong with something that was asked for here; "" takes it back."""
        self._problem.setText(sentence)
        self._problem.setVisible(bool(sentence))

    @property
    def problem(self) -> str:
        """The sentence that is shown; "" for none."""
        return self._problem.text()

    def show_settings(self, view: SettingsView) -> None:
        """Show these values on all pages; says nothing."""
        for page in self.all_pages:
            page.show_settings(view)

    def open_page(self, page: SettingsPage) -> None:
        """Bring one page to the front."""
        self._list.setCurrentRow(self._stack.indexOf(page))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.fillRect(self.rect(), values.window)
        painter.fillRect(QRectF(0, 0, LIST_WIDTH, self.height()), values.sidebar)
        painter.fillRect(QRectF(LIST_WIDTH, 0, 1, self.height()), values.line)
        painter.fillRect(QRectF(LIST_WIDTH, theme.BAR_HEIGHT, self.width(), 1), values.line)
        if not self._problem.isHidden():
            painter.fillRect(QRectF(LIST_WIDTH + 1, self._problem.y(), self.width(), 1), values.line)
