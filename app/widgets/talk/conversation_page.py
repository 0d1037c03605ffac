"""The conversation as a long page. Only the turns in sight have widgets; the others are heights in a list."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QWidget

from app.qt import override
from app.shown.talk import ToolView, TurnView
from app.widgets.controls import theme
from app.widgets.controls.motion import fade_in
from app.widgets.controls.scroll_bar import use_thin_bar
from app.widgets.talk.find_places import Place
from app.widgets.talk.turn_actions import LIVE, TurnAction
from app.widgets.talk.turn_widget import DragData, TimeLeft, TurnWidget

TOP, BETWEEN = 14, 0
BOTTOM = 56  # a notice covers nothing of the newest turn
NEAR_END_PX = 32
_GROWING_MS = 66  # a growing answer is laid out again at most 15 times a second


def guessed_height(turn: TurnView) -> int:
    """Height of a turn nobody has looked at yet, from the length of its texts."""
    lines = 1 + len(turn.answer) // 80 + turn.answer.count("\n")
    asked = 1 + len(turn.text) // 60
    return (
        60
        + 18 * asked
        + (22 if turn.seconds is not None else 0)
        + 24 * lines
        + 44 * len(turn.tools)
        + 26 * bool(turn.thinking)
    )


def _only_goes_on(was: TurnView, now: TurnView) -> bool:
    same = replace(now, answer=was.answer, spoken=was.spoken, thinking=was.thinking, thinking_s=was.thinking_s)
    return was == same


class ConversationPage(QAbstractScrollArea):
    """Shows turns, follows the newest while it grows, and stays put when the user has scrolled up."""

    act = Signal(str, TurnAction, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click on its ground takes the keyboard, not one on a turn
        self.setAccessibleName(self.tr("Conversation"))
        self._turns: list[TurnView] = []
        self._heights: list[int] = []
        self._tops: list[int] = []
        self._known_tops = 0  # tops up to this turn are right
        self._unfolded: dict[str, bool] = {}
        self._opened: dict[str, set[int]] = {}  # cards that say all, by turn
        self._time_left: TimeLeft = lambda tool: None
        self.drag_data: DragData = lambda turn, what: None
        self._shown: dict[int, TurnWidget] = {}
        self._spare: list[TurnWidget] = []
        self._looked_for: tuple[str, Place | None] = "", None
        self._room_below = BOTTOM
        self._follow = True
        self._settling = False
        self._growing = QTimer(self, interval=_GROWING_MS, singleShot=True)
        self._growing.timeout.connect(self._show_grown)
        self._grown: set[int] = set()  # turns with more text than their widgets show
        use_thin_bar(self)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.verticalScrollBar().setSingleStep(40)
        QApplication.instance().focusChanged.connect(self._on_focus_changed)  # type: ignore[union-attr]

    @property
    def turns(self) -> Sequence[TurnView]:
        """All turns, oldest first."""
        return self._turns

    @property
    def widgets_in_use(self) -> int:
        """How many turn widgets exist, lent or spare."""
        return len(self._shown) + len(self._spare)

    @property
    def follows_end(self) -> bool:
        """Whether new text keeps the end in sight."""
        return self._follow

    def set_turns(self, turns: Sequence[TurnView]) -> None:
        """Show another conversation, from its end."""
        self._turns = list(turns)
        self._heights = [guessed_height(turn) for turn in turns]
        self._known_tops = 0
        self._unfolded.clear()
        self._opened.clear()
        self._grown.clear()
        self._release(set())
        self._follow = True
        self._settle()

    def show_branch(self, turns: Sequence[TurnView]) -> None:
        """Show another branch of the same conversation. Where the first other turn takes an older one's place, its foot
        stays under the pointer that pressed there; one that comes back is brought into sight.
        """
        self._show_grown()
        self._measure()
        bar, old = self.verticalScrollBar(), [turn.key for turn in self._turns]
        new = [turn.key for turn in turns]
        fork = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        swapped = fork < min(len(old), len(new)) and old[fork] not in new and new[fork] not in old
        foot = self._tops[fork + 1] - bar.value() if swapped else 0
        heights = dict(zip(old, self._heights, strict=True))
        self._turns = list(turns)
        self._heights = [heights.get(turn.key) or guessed_height(turn) for turn in turns]
        self._known_tops = min(self._known_tops, fork)
        self._follow = False
        self._release(set(range(fork + swapped)))  # the keyboard stays on the turn whose version changed
        for index, widget in self._shown.items():
            self._fill(widget, index)
            self._set_height(index, widget.heightForWidth(self.column_width()))
        self._settle()
        if fork < len(new):
            self._lend(fork)
            self._settle()
            self._scroll_to_fork(fork, foot if swapped else None)
        self._follow = bar.value() >= bar.maximum() - NEAR_END_PX

    def _scroll_to_fork(self, fork: int, foot: int | None) -> None:
        bar, page = self.verticalScrollBar(), self.viewport().height()
        top, bottom = self._tops[fork], self._tops[fork + 1]
        if foot is not None and 0 < foot <= page + BETWEEN:
            bar.setValue(bottom - foot)
        elif top < bar.value() or bottom > bar.value() + page:
            bar.setValue(top - TOP)

    def set_turn(self, turn: TurnView) -> None:
        """Show a newer state of one turn, or add it when its key is new."""
        index = next((i for i in range(len(self._turns) - 1, -1, -1) if self._turns[i].key == turn.key), None)
        if index is None:
            self._turns.append(turn)
            self._heights.append(guessed_height(turn))
            self._follow = True
            self._settle()
            self._show_last()
            fade_in(self._shown[len(self._turns) - 1])
            return
        before, self._turns[index] = self._turns[index], turn
        grew = (before.answer, before.thinking) != (turn.answer, turn.thinking) or index in self._grown
        waits = grew and self._growing.isActive() and _only_goes_on(before, turn)
        if waits:
            self._grown.add(index)
            return
        self._show_changed(index)
        self._growing.start()

    def _show_changed(self, index: int) -> None:
        self._grown.discard(index)
        before = self._heights[index]
        if widget := self._shown.get(index):
            self._fill(widget, index)
            self._set_height(index, widget.heightForWidth(self.column_width()))
        if widget is not None and self._heights[index] == before:
            widget.arrange()  # nothing else has to move
        else:
            self._settle()

    def _show_grown(self) -> None:
        for index in sorted(self._grown):
            self._show_changed(index)
            self._growing.start()

    def remove_turn(self, key: str) -> None:
        """Take one turn out; the others in sight stay where they are."""
        index = next((i for i, turn in enumerate(self._turns) if turn.key == key), None)
        if index is None:
            return
        self._show_grown()
        self._measure()
        bar = self.verticalScrollBar()
        above = self._tops[index + 1] <= bar.value()
        place = bar.value() - (self._heights[index] + BETWEEN if above else 0)
        del self._turns[index], self._heights[index]
        self._known_tops = min(self._known_tops, index)
        self._unfolded.pop(key, None)
        self._release(set(self._shown) - {index})
        self._shown = {i - (i > index): widget for i, widget in self._shown.items()}
        self._settling = True
        bar.setValue(place)
        self._settle()
        self._show_last()

    def _show_last(self) -> None:
        """The last turn shows more than the others, and the one before it no longer does."""
        for index in range(max(len(self._turns) - 2, 0), len(self._turns)):
            if index not in self._grown:
                self._show_changed(index)

    def count_down(self, time_left: TimeLeft) -> None:
        """Show how much time is left of the timers that cards speak of."""
        self._time_left = time_left
        for widget in self._shown.values():
            widget.show_times_left(time_left)

    def tools_in_sight(self) -> list[ToolView]:
        """Those whose cards are in sight."""
        return [tool for widget in self._shown.values() for tool in widget.turn.tools]

    def show_played(self, key: str, share: float | None) -> None:
        """Show how much of what I said in a turn was played; None when it is over."""
        for widget in self._shown.values():
            if widget.turn.key == key:
                widget.bubble.show_played(share)

    def widget_of(self, index: int) -> TurnWidget | None:
        """The widget lent to a turn, while it is in sight."""
        return self._shown.get(index)

    @property
    def first_in_sight(self) -> int:
        """The number of the uppermost turn that is seen."""
        return min(self._shown, default=0)

    def mark(self, words: str, place: Place | None) -> None:
        """Mark words that are looked for, and bring one of the places into sight."""
        self._looked_for = words, place
        if place is not None and place.turn not in self._shown:
            self.show_index(place.turn)
        for index in self._shown:
            self._mark(index)
        if place is not None and (widget := self._shown.get(place.turn)) is not None:
            self._follow = False
            hit, bar = widget.hit_place().translated(widget.pos()), self.verticalScrollBar()
            if hit.top() < TOP or hit.bottom() > self.viewport().height() - self._room_below:
                bar.setValue(bar.value() + hit.top() - self.viewport().height() // 3)

    def _mark(self, index: int) -> None:
        words, place = self._looked_for
        self._shown[index].mark(words, place if place is not None and place.turn == index else None)

    def set_room_below(self, room: int) -> None:
        """So much stays free under the newest turn, for what floats there."""
        if (room := max(room, BOTTOM)) != self._room_below:
            self._room_below = room
            self._settle()

    def column_width(self) -> int:
        """Width of the reading column and the margin around it."""
        return max(min(theme.COLUMN_WIDTH, self.width() - 48), 200) + 2 * TurnWidget.MARGIN

    def show_end(self) -> None:
        """Go to the newest turn and follow it again."""
        self._follow = True
        self._settle()

    def show_index(self, index: int) -> None:
        """Bring a turn into sight, its top near the top of the page."""
        self._follow = False
        self.verticalScrollBar().setValue(self._tops[index] - TOP if self._tops else 0)

    def _is_unfolded(self, index: int) -> bool:
        turn = self._turns[index]
        return self._unfolded.get(turn.key, turn.state in LIVE or index == len(self._turns) - 1)

    def _fill(self, widget: TurnWidget, index: int) -> None:
        turn = self._turns[index]
        widget.show_turn(
            turn,
            unfolded=self._is_unfolded(index),
            last=index == len(self._turns) - 1,
            opened=self._opened.get(turn.key, ()),
            time_left=self._time_left,
        )

    def _release(self, keep: set[int]) -> None:
        focused = QApplication.focusWidget()
        for index in [i for i in self._shown if i not in keep]:
            widget = self._shown.pop(index)
            if focused is not None and (widget is focused or widget.isAncestorOf(focused)):
                self.setFocus()  # else Qt gives the keyboard to the next button, which Space would press
            widget.hide()
            self._spare.append(widget)

    def _lend(self, index: int) -> TurnWidget:
        if index in self._shown:
            return self._shown[index]
        widget = self._spare.pop() if self._spare else self._new_widget()
        self._shown[index] = widget
        self._fill(widget, index)
        self._mark(index)
        self._set_height(index, widget.heightForWidth(self.column_width()))
        return widget

    def _new_widget(self) -> TurnWidget:
        widget = TurnWidget(self.viewport())
        widget.act.connect(self._on_act)
        widget.drag_data = lambda turn, what: self.drag_data(turn, what)
        return widget

    def _on_act(self, key: str, action: TurnAction, value: object) -> None:
        if action is TurnAction.FOLD:
            self._unfolded[key] = not value
            self._show_anew(key)
        elif action is TurnAction.OPEN_TOOL:
            self._opened.setdefault(key, set()).symmetric_difference_update({int(str(value))})
            self._show_anew(key)
        else:
            self.act.emit(key, action, value)

    def _show_anew(self, key: str) -> None:
        self._show_changed(next(i for i, turn in enumerate(self._turns) if turn.key == key))

    def _set_height(self, index: int, height: int) -> None:
        if self._heights[index] != height:
            self._heights[index] = height
            self._known_tops = min(self._known_tops, index)

    def _measure(self) -> int:
        """Tops of all turns; returns the height of the whole page. Only what lies below a change is added up again."""
        if self._known_tops < len(self._heights) or len(self._tops) != len(self._heights) + 1:
            known = min(self._known_tops, len(self._tops) - 1) if self._tops else 0
            start = self._tops[known] if self._tops else TOP
            below = accumulate((height + BETWEEN for height in self._heights[known:]), initial=start)
            self._tops = [*self._tops[:known], *below]
            self._known_tops = len(self._heights)
        return self._tops[-1] - BETWEEN + self._room_below if self._heights else 0

    def _settle(self) -> None:
        """Bring scroll bar, heights and widgets in line with each other."""
        self._settling = True
        bar, page = self.verticalScrollBar(), self.viewport().height()
        for _ in range(4):  # a measured height moves the end, which can bring another turn into sight
            whole = self._measure()
            bar.setRange(0, max(whole - page, 0))
            bar.setPageStep(page)
            if self._follow:
                bar.setValue(bar.maximum())
            if not self._place():
                break
        self._settling = False

    def _place(self) -> bool:
        """Lend widgets to the turns in sight; returns whether a height turned out different."""
        bar, page = self.verticalScrollBar(), self.viewport().height()
        if not self._turns:
            self._release(set())
            return False
        first = max(bisect_right(self._tops, bar.value()) - 1, 0)
        last = min(bisect_right(self._tops, bar.value() + page) - 1, len(self._turns) - 1)
        self._release(set(range(first, last + 1)) | self._focused())
        before = [self._heights[index] for index in range(first, last + 1)]
        for index in range(first, last + 1):
            self._lend(index)
        changes = [self._heights[first + i] - height for i, height in enumerate(before)]
        if not self._follow and changes[0] and self._tops[first] < bar.value():
            bar.setRange(0, bar.maximum() + max(changes[0], 0))
            bar.setValue(bar.value() + changes[0])  # the part in sight stays where it is
        self._measure()
        self._move_widgets()
        return any(changes)

    def _focused(self) -> set[int]:
        focused = QApplication.focusWidget()
        if focused is None:
            return set()
        return {i for i, widget in self._shown.items() if widget is focused or widget.isAncestorOf(focused)}

    def _move_widgets(self) -> None:
        width = self.column_width()
        left = (self.width() - width) // 2
        scrolled = self.verticalScrollBar().value()
        for index, widget in sorted(self._shown.items()):
            size = widget.size()
            widget.setGeometry(left, self._tops[index] - scrolled, width, self._heights[index])
            if widget.size() == size:
                widget.arrange()  # else it did so
            widget.show()

    def _on_scrolled(self, value: int) -> None:
        if self._settling:
            return
        self._follow = value >= self.verticalScrollBar().maximum() - NEAR_END_PX
        self._settling = True
        if self._place():
            self._settle()
        self._settling = False

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        if event.size().width() != event.oldSize().width():
            self._remeasure()
        self._settle()

    def _remeasure(self) -> None:
        width = self.column_width()
        for index, widget in self._shown.items():
            self._set_height(index, widget.heightForWidth(width))

    @override
    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Widgets are placed by `_place`; Qt must not move them as well."""

    def _on_focus_changed(self, old: QWidget | None, new: QWidget | None) -> None:
        # What is clicked is in sight, and whoever comes back to the window finds the page as it was.
        by_keyboard = old is not None and QGuiApplication.mouseButtons() == Qt.MouseButton.NoButton
        for widget in list(self._shown.values()):
            widget.focus_changed()
            if by_keyboard and (new is widget or (new is not None and widget.isAncestorOf(new))):
                self._keep_in_sight(new)

    def _keep_in_sight(self, focused: QWidget) -> None:
        top = focused.mapTo(self.viewport(), focused.rect().topLeft()).y()
        bottom = top + min(focused.height(), self.viewport().height() - 16)
        bar = self.verticalScrollBar()
        if top < 8:
            bar.setValue(bar.value() + top - 8)
        elif bottom > self.viewport().height() - 8:
            bar.setValue(bar.value() + bottom - self.viewport().height() + 8)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event.key() in moves and self._turns:
            self._move_focus(moves[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Home:
            self.verticalScrollBar().setValue(0)
        elif event.key() == Qt.Key.Key_End:
            self.show_end()
        else:
            super().keyPressEvent(event)

    def _move_focus(self, step: int) -> None:
        current = next(iter(self._focused()), None)
        if current is None:
            target = max(self._shown) if step < 0 else min(self._shown)
        else:
            target = min(max(current + step, 0), len(self._turns) - 1)
        if target not in self._shown:
            self.show_index(target)
        self._shown[target].setFocus(Qt.FocusReason.TabFocusReason)

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_turns"):
            self._remeasure()
            self._settle()
