"""Where the sidebar is: beside the page, or in a narrow window as a panel over it."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QObject, QVariantAnimation, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.qt import override
from app.widgets.controls import theme


class _Shade(QWidget):
    """What dims the page under the panel; a click on it closes the panel."""

    pressed = Signal()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), QColor(0, 0, 0, 90 if theme.colours(self).dark else 36))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.pressed.emit()


class SidebarPlace(QObject):
    """Keeps the sidebar in its place as the window's width changes."""

    changed = Signal()  # it is beside the page now, or not

    def __init__(self, whole: QWidget, row: QHBoxLayout, sidebar: QWidget) -> None:
        """`row` is the layout of `whole`, with the sidebar as its first part."""
        super().__init__(whole)
        self._whole, self._row, self._sidebar = whole, row, sidebar
        self._narrow = False
        self._wanted = True  # while there is room for it
        self._open = False
        self._shade = _Shade(whole)
        self._shade.hide()
        self._shade.pressed.connect(self.close_panel)
        self._slide = QVariantAnimation(self, startValue=0.0, endValue=1.0)
        self._slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._slide.valueChanged.connect(lambda _value: self._place())
        self._slide.finished.connect(self._on_slid)

    @property
    def beside_page(self) -> bool:
        """Whether it is in sight all the time."""
        return not self._narrow and self._wanted

    @property
    def panel_open(self) -> bool:
        """Whether it lies over the page."""
        return self._open

    @property
    def in_sight(self) -> bool:
        """Whether it is seen, beside the page or over it."""
        return self._open if self._narrow else self._wanted

    def show(self, shown: bool) -> None:
        """Bring it into sight, or put it away."""
        if self._narrow:
            self._slide_to(shown)
        elif shown != self._wanted:
            self._wanted = shown
            self._sidebar.setVisible(shown)
            self.changed.emit()

    def close_panel(self) -> bool:
        """Put the panel away; whether there was one."""
        was_open = self._open
        if was_open:
            self._slide_to(shown=False)
        return was_open

    def _slide_to(self, shown: bool) -> None:
        if shown == self._open:
            return
        self._open = shown
        self._sidebar.show()
        self._shade.show()
        self._shade.raise_()
        self._sidebar.raise_()
        self._slide.setDuration(theme.motion_ms(theme.PANEL_MS))
        self._slide.setDirection(self._slide.Direction.Forward if shown else self._slide.Direction.Backward)
        self._slide.start()
        self.changed.emit()

    def _on_slid(self) -> None:
        if self._narrow and not self._open:
            self._sidebar.hide()
            self._shade.hide()

    def fit(self, width: int) -> None:
        """The window has this width now."""
        if (width < theme.NARROW_PX) != self._narrow:
            self._narrow = not self._narrow
            self._open = False
            self._slide.stop()
            self._shade.hide()
            if self._narrow:
                self._row.removeWidget(self._sidebar)
                self._sidebar.hide()
            else:
                self._row.insertWidget(0, self._sidebar)
                self._sidebar.setVisible(self._wanted)
            self.changed.emit()
        self._place()

    def _place(self) -> None:
        if self._narrow:
            share = float(self._slide.currentValue() or 0.0)
            left = round(-theme.SIDEBAR_WIDTH * (1 - share))
            self._sidebar.setGeometry(left, 0, theme.SIDEBAR_WIDTH, self._whole.height())
            self._shade.setGeometry(0, 0, self._whole.width(), self._whole.height())
