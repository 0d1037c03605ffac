"""The settings: a sheet over the window with its pages on the left. Every change counts at once."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.qt import override
from app.shown import SettingsView
from app.widgets.controls import theme
from app.widgets.controls.buttons import PrimaryButton, draw_focus
from app.widgets.controls.model_index import Index
from app.widgets.controls.toast import Toast
from app.widgets.settings.form import SettingsPage
from app.widgets.settings.models import ModelsPage
from app.widgets.settings.pages import AnswersPage, PrivacyPage, ShortcutsPage, SoundPage, ToolsPage
from app.widgets.settings.voices import VoicesPage


class _PageDelegate(QStyledItemDelegate):
    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, 32)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        values = theme.colours(option.widget)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect).adjusted(8, 1, -8, -1)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(values.accent_soft)
            painter.drawRoundedRect(box, 7, 7)
        if option.state & QStyle.StateFlag.State_HasFocus and option.state & QStyle.StateFlag.State_KeyboardFocusChange:
            draw_focus(painter, box, 7, values.accent)
        painter.setFont(theme.font(theme.TEXT_PX, 500))
        painter.setPen(values.text)
        painter.drawText(box.adjusted(12, 0, 0, 0), int(Qt.AlignmentFlag.AlignVCenter), index.data())
        painter.restore()


class SettingsDialog(QDialog):
    """Shows settings and says what was changed: `changed("pre_roll_ms", 300)`."""

    changed = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Sheet)
        self.setWindowTitle(self.tr("Settings"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(760, 560)
        self.sound = SoundPage(self.changed.emit)
        self.answers = AnswersPage(self.changed.emit)
        self.models = ModelsPage()
        self.voices = VoicesPage()
        self.tools = ToolsPage(self.changed.emit)
        self.privacy = PrivacyPage(self.changed.emit)
        self.shortcuts = ShortcutsPage()
        self._list = QListWidget()
        self._stack = QStackedWidget()
        self._build_pages()
        self._lay_out()
        self.toast = Toast(self)

    @property
    def all_pages(self) -> list[SettingsPage]:
        """The pages from top to bottom."""
        return [self.sound, self.models, self.voices, self.answers, self.tools, self.privacy, self.shortcuts]

    def _build_pages(self) -> None:
        for page in self.all_pages:
            QListWidgetItem(page.accessibleName(), self._list)
            self._stack.addWidget(page)
        self._list.setAccessibleName(self.tr("Pages of the settings"))
        self._list.setFrameShape(QFrame.Shape.NoFrame)
        self._list.setItemDelegate(_PageDelegate(self._list))
        self._list.setFixedWidth(168)
        self._list.viewport().setAutoFillBackground(False)
        self._list.currentRowChanged.connect(self._stack.setCurrentIndex)
        self._list.setCurrentRow(0)

    def _lay_out(self) -> None:
        done = PrimaryButton(self.tr("Done"))
        done.clicked.connect(self.accept)
        done.setDefault(True)
        foot = QHBoxLayout()
        foot.setContentsMargins(16, 10, 16, 12)
        foot.addStretch(1)
        foot.addWidget(done)
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self._stack, 1)
        right.addLayout(foot)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        left = QVBoxLayout()
        left.setContentsMargins(0, 14, 1, 14)
        left.addWidget(self._list)
        row.addLayout(left)
        row.addLayout(right, 1)

    def show_settings(self, view: SettingsView) -> None:
        """Show these values on all pages; says nothing."""
        for page in (self.sound, self.answers, self.models, self.voices, self.tools, self.privacy):
            page.show_settings(view)

    def open_page(self, page: SettingsPage) -> None:
        """Bring one page to the front."""
        self._list.setCurrentRow(self._stack.indexOf(page))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.fillRect(self.rect(), values.window)
        painter.fillRect(QRectF(0, 0, 168, self.height()), values.sidebar)
        painter.fillRect(QRectF(168, 0, 1, self.height()), values.line)
