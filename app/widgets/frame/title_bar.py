"""On a Mac the window has no bar of its own: its lights stand over the sidebar, and the header moves it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QMainWindow, QWidget

from app.qt import override
from app.widgets.controls import theme


class TitleBar(QObject):
    """Lets the content reach up under the lights. `tops` are the widgets at the upper edge, whose free places move the
    window as a title bar does.
    """

    def __init__(self, window: QMainWindow, inside: list[QWidget], tops: list[QWidget]) -> None:
        super().__init__(window)
        self._window = window
        hints = Qt.WindowType.ExpandedClientAreaHint | Qt.WindowType.NoTitleBarBackgroundHint
        window.setWindowFlags(window.windowFlags() | hints)
        for widget in (window, *inside, *tops):
            widget.setAttribute(Qt.WidgetAttribute.WA_ContentsMarginsRespectsSafeArea, False)
        for widget in tops:
            widget.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QMouseEvent) or event.button() != Qt.MouseButton.LeftButton:
            return False
        assert isinstance(watched, QWidget)
        if watched.mapTo(self._window, QPoint(0, 0)).y() + event.position().y() >= theme.BAR_HEIGHT:
            return False
        handle = self._window.windowHandle()
        if event.type() == QEvent.Type.MouseButtonPress and handle is not None:
            handle.startSystemMove()
        elif event.type() == QEvent.Type.MouseButtonDblClick:
            self._window.setWindowState(self._window.windowState() ^ Qt.WindowState.WindowMaximized)
        return False
