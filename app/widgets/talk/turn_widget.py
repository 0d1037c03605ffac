"""One turn on the page. The list keeps a handful of these and lends them to whichever turns are in sight."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QEvent, QMimeData, QObject, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QLabel, QMenu, QWidget

from app.qt import override
from app.shown.talk import ToolView, TurnState, TurnView
from app.widgets.controls import theme
from app.widgets.controls.buttons import TextButton, draw_focus
from app.widgets.controls.dragging import DragSource
from app.widgets.controls.flow_text import FlowText
from app.widgets.talk.find_places import Part, Place
from app.widgets.talk.tool_card import ToolCard
from app.widgets.talk.turn_actions import LIVE, ActionRow, Dragged, TurnAction, fill_menu
from app.widgets.talk.turn_parts import Dots, ThinkingBlock, UserBubble

TimeLeft = Callable[[ToolView], int | None]
DragData = Callable[[TurnView, Dragged], QMimeData | None]

_RAISED = 3  # a line of an answer has its words a little below its middle
_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}  # to other versions


def _only_says_more(before: TurnView, now: TurnView) -> bool:
    grows = now.state in LIVE and bool(before.answer and now.answer) and not now.unspoken
    return grows and replace(now, answer=before.answer, spoken=before.spoken) == before


class TurnWidget(QWidget):
    """One turn. `act` says which turn, what was asked, and a value where one is needed."""

    act = Signal(str, TurnAction, object)
    GAP = 8
    MARGIN, ABOVE = 12, 6  # room around the column for the focus ring

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.turn = TurnView("")
        self._manner: tuple[object, ...] = ()  # how the turn is shown, besides what it says
        self._last = self._hovered = self._ringed = False
        self._stacked: tuple[int, list[tuple[QWidget, int, int]]] | None = None
        self._bubble = UserBubble(self)
        self._thinking = ThinkingBlock(self)
        self._tools: list[ToolCard] = []
        self._dots = Dots(self)
        self._answer = FlowText(theme.ANSWER_PX, 24, self)
        self._answer.setAccessibleName(self.tr("Answer"))
        self._problem = QLabel(self)
        self._problem.setWordWrap(True)
        self._problem.setTextFormat(Qt.TextFormat.PlainText)  # it may name a file
        self._problem.setFont(theme.font(theme.TEXT_PX))
        self._retry = TextButton(self.tr("Try again"), parent=self)
        self._actions = ActionRow(self)
        self.drag_data: DragData = lambda turn, what: None
        self._connect()
        self._let_drag()

    def _let_drag(self) -> None:
        """The icons and the waveform can be dragged to another app: then they are a sound file, or the words."""
        sources = {
            self._bubble.wave: Dragged.QUESTION_SOUND,
            self._bubble.play_button: Dragged.QUESTION_SOUND,
            self._actions.icon_of(TurnAction.PLAY): Dragged.ANSWER_SOUND,
            self._actions.icon_of(TurnAction.COPY): Dragged.ANSWER,
        }
        for widget, what in sources.items():
            DragSource(widget, partial(self._dragged, what))

    def _dragged(self, what: Dragged) -> QMimeData | None:
        return self.drag_data(self.turn, what)

    def _connect(self) -> None:
        self._bubble.play_requested.connect(lambda share: self._emit(TurnAction.PLAY_QUESTION, share))
        self._bubble.stop_requested.connect(lambda: self._emit(TurnAction.STOP))
        self._thinking.skip_requested.connect(lambda: self._emit(TurnAction.SKIP_THINKING))
        self._thinking.folded.connect(lambda folded: self._emit(TurnAction.FOLD, folded))
        self._retry.clicked.connect(lambda: self._emit(TurnAction.RETRY))
        self._actions.chosen.connect(self._emit)

    def _emit(self, action: TurnAction, value: object = None) -> None:
        self.act.emit(self.turn.key, action, value)

    @property
    def answer(self) -> FlowText:
        """The text of the answer."""
        return self._answer

    @property
    def action_row(self) -> ActionRow:
        """The words under the answer."""
        return self._actions

    @property
    def retry(self) -> TextButton:
        """The way to try a failed turn again."""
        return self._retry

    @property
    def thinking(self) -> ThinkingBlock:
        """What it thinks."""
        return self._thinking

    @property
    def bubble(self) -> UserBubble:
        """What I said."""
        return self._bubble

    def show_turn(
        self,
        turn: TurnView,
        *,
        unfolded: bool,
        last: bool = False,
        opened: Collection[int] = (),
        time_left: TimeLeft = lambda tool: None,
    ) -> None:
        """Show this turn from now on. The `last` one shows what can be done with it; `opened` cards say all."""
        before, self.turn, self._last = self.turn, turn, last
        manner, self._manner = self._manner, (unfolded, last, frozenset(opened))
        if manner == self._manner and _only_says_more(before, turn):
            self._say_more(turn)
            return
        self._stacked = None
        self._bubble.show_turn(turn)
        self._thinking.show_turn(turn, unfolded)
        self._show_tools(turn, opened, time_left)
        self._answer.set_text(turn.answer + turn.unspoken, markdown=True, growing=turn.state in LIVE)
        if turn.unspoken:
            self._answer.set_heard(len(turn.answer))
        else:
            self._answer.set_spoken(turn.spoken if turn.state is TurnState.SPEAKING else None)
        self._answer.setVisible(bool(turn.answer or turn.unspoken))
        self._dots.setVisible(turn.state is TurnState.WAITING)
        self._problem.setText(turn.problem)
        self._problem.setVisible(bool(turn.problem))
        self._retry.setVisible(bool(turn.problem))
        self._actions.show_turn(turn, self._ending(turn), last=last)
        self._actions.setVisible(self._offers_actions(turn))
        self._wake()
        self._tint()
        self.setAccessibleName(self._spoken_summary(turn))

    def _say_more(self, turn: TurnView) -> None:
        """Show a longer answer: the rest stays as it is, for this is done all the time while the model writes."""
        self._answer.set_text(turn.answer, markdown=True, growing=True)
        self._answer.set_spoken(turn.spoken if turn.state is TurnState.SPEAKING else None)
        if self._stacked is not None:
            width, rows = self._stacked
            height = self._answer.height_for(width)
            self._stacked = width, [(part, height if part is self._answer else h, gap) for part, h, gap in rows]
        self.setAccessibleName(self._spoken_summary(turn))

    def _wake(self) -> None:
        self._actions.set_awake(self._last or self._hovered or self._has_focus_inside())

    def _ending(self, turn: TurnView) -> str:
        if turn.state is not TurnState.INTERRUPTED:
            return ""
        return self.tr("Interrupted: the rest was not spoken") if turn.unspoken else self.tr("Stopped")

    def _offers_actions(self, turn: TurnView) -> bool:
        settled = turn.state in (TurnState.DONE, TurnState.INTERRUPTED, TurnState.FAILED)
        return settled or bool(turn.answer) or turn.versions > 1

    def _spoken_summary(self, turn: TurnView) -> str:
        mine = self.tr("I said: {text}").format(text=turn.text or self.tr("a recording"))
        whole = f"{mine} {self.tr('Answer: {text}').format(text=turn.answer or turn.problem)}"
        if turn.unspoken:
            whole += " " + self.tr("not spoken: {text}").format(text=turn.unspoken.strip())
        return f"{whole} {self._actions.versions.accessibleName()}" if turn.versions > 1 else whole

    def _show_tools(self, turn: TurnView, opened: Collection[int], time_left: TimeLeft) -> None:
        while len(self._tools) < len(turn.tools):
            self._tools.append(self._new_card(len(self._tools)))
        for number, card in enumerate(self._tools):
            card.setVisible(number < len(turn.tools))
            if number < len(turn.tools):
                tool = turn.tools[number]
                card.show_tool(tool, opened=number in opened, left_s=time_left(tool))

    def _new_card(self, number: int) -> ToolCard:
        card = ToolCard(self)
        card.opened.connect(lambda: self._emit(TurnAction.OPEN_TOOL, number))
        card.answered.connect(self._on_tool_answered)
        card.chip.clicked.connect(lambda: self._emit(TurnAction.CANCEL_TIMER, number))
        return card

    def _on_tool_answered(self, allowed: bool, always: bool) -> None:
        action = TurnAction.ALLOW_ALWAYS if always else TurnAction.ALLOW
        self._emit(action if allowed else TurnAction.REFUSE)

    @property
    def cards(self) -> list[ToolCard]:
        """Its tools, from the top."""
        return [card for card in self._tools if not card.isHidden()]

    def show_times_left(self, time_left: TimeLeft) -> None:
        """Count down whatever timers it set."""
        for card, tool in zip(self.cards, self.turn.tools, strict=False):
            card.show_time_left(time_left(tool))

    def _tint(self) -> None:
        palette = self._problem.palette()
        palette.setColor(self._problem.foregroundRole(), theme.colours(self).trouble)
        self._problem.setPalette(palette)

    def _stack(self, width: int) -> list[tuple[QWidget, int, int]]:
        """Visible parts from top to bottom with their heights and the space under each; measured once per content."""
        if self._stacked is None or self._stacked[0] != width:
            self._stacked = (width, self._measured_stack(width))
        return self._stacked[1]

    def _measured_stack(self, width: int) -> list[tuple[QWidget, int, int]]:
        rows: list[tuple[QWidget, int, int]] = []
        for part, gap in ((self._bubble, self.GAP), (self._thinking, self.GAP)):
            height = part.height_for(width)
            part.setVisible(height > 0)
            if height:
                rows.append((part, height, gap))
        rows += [(card, card.height_for(width), self.GAP) for card in self.cards]
        if not self._dots.isHidden():
            rows.append((self._dots, 20, self.GAP))
        if not self._answer.isHidden():
            rows.append((self._answer, self._answer.height_for(width), 0))
        if not self._problem.isHidden():
            rows.append((self._problem, max(self._problem.heightForWidth(width - 100), 18), 6))
        if not self._actions.isHidden():
            rows.append((self._actions, ActionRow.HEIGHT, 0))
        return rows

    @override
    def heightForWidth(self, width: int) -> int:
        return sum(height + gap for _, height, gap in self._stack(width - 2 * self.MARGIN)) + 2 * self.ABOVE

    def arrange(self) -> None:
        """Put every part in its place for the present width."""
        left, top = self.MARGIN, self.ABOVE
        width = self.width() - 2 * left
        for part, height, gap in self._stack(width):
            if part is self._bubble:
                wide = self._bubble.bubble_width(width)
                part.setGeometry(left + width - wide, top, wide, height)
            elif isinstance(part, ToolCard):
                part.setGeometry(left, top, part.card_width(width), height)
            elif part is self._answer:
                part.setGeometry(left, top - _RAISED, width, height)
            elif part is self._problem:
                retry = self._retry.sizeHint()
                part.setGeometry(left, top, width - retry.width() - 12, height)
                self._retry.setGeometry(left + width - retry.width() + 4, top - 2, retry.width(), retry.height())
            else:
                part.setGeometry(left, top, width, height)
            top += height + gap

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self.arrange()

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.HoverLeave):
            self._hovered = event.type() == QEvent.Type.HoverEnter
            self._wake()
        elif theme.is_look_change(event) and hasattr(self, "_actions"):
            self._stacked = None
            self._tint()
        return super().event(event)

    def _has_focus_inside(self) -> bool:
        focused = QGuiApplication.focusObject()
        return (
            isinstance(focused, QObject)
            and isinstance(focused, QWidget)
            and (focused is self or self.isAncestorOf(focused))
        )

    def focus_changed(self) -> None:
        """The keyboard's attention moved: wake or calm the actions."""
        self._wake()
        self.update()

    def mark(self, words: str, place: Place | None) -> None:
        """Mark words that are looked for; `place` is the one in front, if it is in this turn."""
        for part, text in ((Part.QUESTION, self._bubble.text), (Part.ANSWER, self._answer)):
            text.set_hits(words, place.number if place is not None and place.part is part else None)

    def hit_place(self) -> QRect:
        """Where the hit in front stands in the turn; nowhere if there is none."""
        for text in (self._bubble.text, self._answer):
            if not (place := text.hit_place()).isNull():
                return QRect(text.mapTo(self, place.topLeft()), place.size())
        return QRect()

    def copy_text(self) -> None:
        """Ask for the answer on the clipboard."""
        if self.turn.answer or self.turn.unspoken:
            self._emit(TurnAction.COPY)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # else the page would take the keyboard

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_text()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.turn.state not in LIVE:
            self._emit(TurnAction.DELETE)
        elif event.key() in _STEPS and self.turn.versions > 1:
            self._emit(TurnAction.VERSION, _STEPS[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._ringed = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        marked = next((text for text in self.findChildren(FlowText) if text.textCursor().hasSelection()), None)
        if marked is not None:
            menu.addAction(self.tr("Copy what is marked"), marked.copy)
            menu.addSeparator()
        fill_menu(menu, self.turn, self._emit)
        menu.popup(event.globalPos())

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if self.hasFocus() and self._ringed:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            draw_focus(painter, QRectF(self.rect()), 10, theme.colours(self).accent)
