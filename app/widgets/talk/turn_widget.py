"""One turn on the page. The list keeps a handful of these and lends them to whichever turns are in sight."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
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
from app.shown import TurnState, TurnView
from app.widgets.controls import theme
from app.widgets.controls.buttons import TextButton, Tone, draw_focus
from app.widgets.controls.flow_text import FlowText
from app.widgets.talk.turn_parts import Dots, ThinkingBlock, ToolCard, UserBubble
from app.widgets.talk.version_switch import VersionSwitch

SPEEDS = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5)
_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}  # to other versions
LIVE = (TurnState.WAITING, TurnState.THINKING, TurnState.ANSWERING, TurnState.SPEAKING)


class TurnAction(Enum):
    """What a person can ask of a turn."""

    PLAY = "play"
    STOP = "stop"
    PLAY_QUESTION = "play_question"
    SPEED = "speed"  # with the speed
    COPY = "copy"
    SAVE = "save"
    VOICE = "voice"
    EDIT = "edit"
    AGAIN = "again"
    RETRY = "retry"
    DELETE = "delete"
    VERSION = "version"  # with how many further
    SKIP_THINKING = "skip_thinking"
    FOLD = "fold"  # with whether the thinking is folded


class ActionRow(QWidget):
    """Faint words under an answer, clear when the pointer or the keyboard is near, and the turn's figures."""

    chosen = Signal(TurnAction, object)
    HEIGHT = 24

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.versions = VersionSwitch(self)
        self.versions.stepped.connect(lambda step: self.chosen.emit(TurnAction.VERSION, step))
        self._play = self._word(self.tr("Play again"), TurnAction.PLAY)
        self._stop = self._word(self.tr("Stop"), TurnAction.STOP)
        self._speed = TextButton("1.0×", Tone.FAINT, size_px=theme.SMALL_PX, parent=self)
        self._speed.clicked.connect(self._on_speed)
        self._copy = self._word(self.tr("Copy"), TurnAction.COPY)
        self._save = self._word(self.tr("Save sound"), TurnAction.SAVE)
        self._voice = self._word(self.tr("Voice…"), TurnAction.VOICE)
        self._edit = self._word(self.tr("Edit"), TurnAction.EDIT)
        self._again = self._word(self.tr("Again"), TurnAction.AGAIN)
        self._words = [
            self._play,
            self._stop,
            self._speed,
            self._copy,
            self._save,
            self._voice,
            self._edit,
            self._again,
        ]
        self._copy.setAccessibleName(self.tr("Copy the answer"))
        self._edit.setAccessibleName(self.tr("Edit what I said"))
        self._again.setAccessibleName(self.tr("Answer again"))
        self._voice.setAccessibleName(self.tr("Speak with another voice"))
        self._badge = ""

    def _word(self, text: str, action: TurnAction) -> TextButton:
        button = TextButton(text, Tone.FAINT, size_px=theme.SMALL_PX, parent=self)
        button.clicked.connect(lambda: self.chosen.emit(action, None))
        return button

    def show_turn(self, turn: TurnView) -> None:
        """Offer what this turn allows."""
        speaking, live = turn.state is TurnState.SPEAKING, turn.state in LIVE
        self.versions.show_version(turn.version, turn.versions)
        self._play.setVisible(turn.has_sound and not speaking)
        self._stop.setVisible(speaking)
        self._speed.setVisible(turn.has_sound)
        self._speed.setText(f"{turn.speed:g}×" if turn.speed != 1.0 else "1.0×")
        self._speed.setAccessibleName(self.tr("Speed {speed}").format(speed=self._speed.text()))
        self._copy.setVisible(bool(turn.answer))
        self._save.setVisible(turn.has_sound and not live)
        self._voice.setVisible(bool(turn.answer) and not live)
        self._edit.setVisible(not live)
        self._again.setVisible(not live and not turn.problem)
        self._badge = self._figures(turn)
        self.setAccessibleDescription(self._badge)
        self._arrange()
        self.update()

    def _figures(self, turn: TurnView) -> str:
        parts = []
        if turn.first_text_s is not None:
            parts.append(self.tr("text {seconds} s").format(seconds=f"{turn.first_text_s:.1f}"))
        if turn.first_sound_s is not None:
            parts.append(self.tr("sound {seconds} s").format(seconds=f"{turn.first_sound_s:.1f}"))
        if turn.real_time_factor is not None:
            parts.append(self.tr("RTF {factor}").format(factor=f"{turn.real_time_factor:.2f}"))
        return " · ".join(parts)

    @property
    def badge(self) -> str:
        """The turn's figures as shown."""
        return self._badge

    def visible_words(self) -> list[TextButton]:
        """The words offered for this turn, from the left."""
        return [word for word in self._words if not word.isHidden()]

    def set_awake(self, awake: bool) -> None:
        """Show the words clearly."""
        for word in self._words:
            word.set_awake(awake)

    def _on_speed(self) -> None:
        menu = QMenu(self)
        for speed in SPEEDS:
            action = menu.addAction(f"{speed:g}×" if speed != 1.0 else "1.0×")
            action.setCheckable(True)
            action.setChecked(action.text() == self._speed.text())
            action.triggered.connect(lambda _checked=False, s=speed: self.chosen.emit(TurnAction.SPEED, s))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._speed.mapToGlobal(self._speed.rect().bottomLeft()))

    def _arrange(self) -> None:
        left = -4
        if not self.versions.isHidden():
            size = self.versions.sizeHint()
            self.versions.setGeometry(left, (self.HEIGHT - size.height()) // 2, size.width(), size.height())
            left += size.width() + 8
        for word in self._words:
            if not word.isHidden():
                size = word.sizeHint()
                word.setGeometry(left, (self.HEIGHT - size.height()) // 2, size.width(), size.height())
                left += size.width() + 8
        self._badge_left = left

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font(theme.SMALL_PX, tabular=True))
        if painter.fontMetrics().horizontalAdvance(self._badge) > self.width() - self._badge_left:
            return
        painter.setPen(theme.colours(self).faint)
        box = QRectF(self.rect())
        painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), self._badge)


class TurnWidget(QWidget):
    """One turn. `act` says which turn, what was asked, and a value where one is needed."""

    act = Signal(str, TurnAction, object)
    GAP = 12
    MARGIN = 12  # room around the column for the focus ring

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.turn = TurnView("")
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
        self._note = QLabel(self)
        self._note.setFont(theme.font(theme.SMALL_PX))
        self._actions = ActionRow(self)
        self._connect()

    def _connect(self) -> None:
        self._bubble.play_requested.connect(lambda: self._emit(TurnAction.PLAY_QUESTION))
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

    def show_turn(self, turn: TurnView, *, unfolded: bool) -> None:
        """Show this turn from now on."""
        self.turn = turn
        self._stacked = None
        self._bubble.show_turn(turn)
        self._thinking.show_turn(turn, unfolded)
        self._show_tools(turn)
        self._answer.set_text(turn.answer, markdown=True, growing=turn.state in LIVE)
        self._answer.set_spoken(turn.spoken if turn.state is TurnState.SPEAKING else None)
        self._answer.setVisible(bool(turn.answer))
        self._dots.setVisible(turn.state is TurnState.WAITING)
        self._problem.setText(turn.problem)
        self._problem.setVisible(bool(turn.problem))
        self._retry.setVisible(bool(turn.problem))
        heard = self.tr("Interrupted: what was not heard was not said.")
        self._note.setText(heard if turn.has_sound else self.tr("Stopped."))
        self._note.setVisible(turn.state is TurnState.INTERRUPTED)
        self._actions.show_turn(turn)
        self._actions.setVisible(self._offers_actions(turn))
        self._tint()
        self.setAccessibleName(self._spoken_summary(turn))

    def _offers_actions(self, turn: TurnView) -> bool:
        settled = turn.state in (TurnState.DONE, TurnState.INTERRUPTED, TurnState.FAILED)
        return settled or bool(turn.answer) or turn.versions > 1

    def _spoken_summary(self, turn: TurnView) -> str:
        mine = self.tr("I said: {text}").format(text=turn.text or self.tr("a recording"))
        whole = f"{mine} {self.tr('Answer: {text}').format(text=turn.answer or turn.problem)}"
        return f"{whole} {self._actions.versions.accessibleName()}" if turn.versions > 1 else whole

    def _show_tools(self, turn: TurnView) -> None:
        while len(self._tools) < len(turn.tools):
            self._tools.append(ToolCard(self))
        for number, card in enumerate(self._tools):
            card.setVisible(number < len(turn.tools))
            if number < len(turn.tools):
                card.show_tool(turn.tools[number])

    def _tint(self) -> None:
        values = theme.colours(self)
        for label, colour in ((self._problem, values.trouble), (self._note, values.second)):
            palette = label.palette()
            palette.setColor(label.foregroundRole(), colour)
            label.setPalette(palette)

    def _stack(self, width: int) -> list[tuple[QWidget, int, int]]:
        """Visible parts from top to bottom with their heights and the space under each; measured once per content."""
        if self._stacked is None or self._stacked[0] != width:
            self._stacked = (width, self._measured_stack(width))
        return self._stacked[1]

    def _measured_stack(self, width: int) -> list[tuple[QWidget, int, int]]:
        rows: list[tuple[QWidget, int, int]] = []
        for part, gap in ((self._bubble, 18), (self._thinking, self.GAP)):
            height = part.height_for(width)
            part.setVisible(height > 0)
            if height:
                rows.append((part, height, gap))
        rows += [(card, ToolCard.HEIGHT, self.GAP) for card in self._tools if not card.isHidden()]
        if not self._dots.isHidden():
            rows.append((self._dots, 20, self.GAP))
        if not self._answer.isHidden():
            rows.append((self._answer, self._answer.height_for(width), 6))
        if not self._note.isHidden():
            rows.append((self._note, 18, 2))
        if not self._problem.isHidden():
            rows.append((self._problem, max(self._problem.heightForWidth(width - 100), 18), 6))
        if not self._actions.isHidden():
            rows.append((self._actions, ActionRow.HEIGHT, 0))
        return rows

    @override
    def heightForWidth(self, width: int) -> int:
        return sum(height + gap for _, height, gap in self._stack(width - 2 * self.MARGIN)) + 2 * self.MARGIN

    def arrange(self) -> None:
        """Put every part in its place for the present width."""
        left = top = self.MARGIN
        width = self.width() - 2 * left
        for part, height, gap in self._stack(width):
            if part is self._bubble:
                wide = self._bubble.bubble_width(width)
                part.setGeometry(left + width - wide, top, wide, height)
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
            self._actions.set_awake(event.type() == QEvent.Type.HoverEnter or self._has_focus_inside())
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
        self._actions.set_awake(self._has_focus_inside() or self.underMouse())
        self.update()

    def copy_text(self) -> None:
        """Ask for the answer on the clipboard."""
        if self.turn.answer:
            self._emit(TurnAction.COPY)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # else the page would take the keyboard

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
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for word in self._actions.visible_words():
            menu.addAction(word.accessibleName() or word.text(), word.click)
        if self.turn.state not in LIVE:
            menu.addSeparator()
            menu.addAction(self.tr("Delete turn"), lambda: self._emit(TurnAction.DELETE))
        menu.popup(event.globalPos())

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            soft = QColor(theme.colours(self).accent)
            soft.setAlphaF(0.4)
            draw_focus(painter, QRectF(self.rect()), 10, soft)
