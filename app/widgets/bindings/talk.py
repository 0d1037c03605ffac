"""Connects the talk page with the controller: what it says is shown, what the user wants is asked of it."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint
from PySide6.QtGui import QCursor, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu

from app.shown.models import ModelStatus
from app.shown.talk import Notice, NoticeAction, State, TurnState, TurnView
from app.widgets.bindings.dragging import file_name
from app.widgets.bindings.export_place import keep_export_folder, last_export_folder
from app.widgets.bindings.what_is_said import WhatIsSaid
from app.widgets.controls.sheets import TextSheet
from app.widgets.frame.header import menu_words
from app.widgets.frame.window import TALK, TRANSCRIBE, Window, documents_folder
from app.widgets.talk.state_row import TONES
from app.widgets.talk.talk_button import TalkLook
from app.widgets.talk.turn_actions import LIVE, TurnAction
from engine.events import Thinking

if TYPE_CHECKING:
    from app.controller import Controller
    from app.settings import Settings

_ICONS = {NoticeAction.TIMER: "timer", NoticeAction.DEVICE: "headphones"}


class TalkBinding(QObject):
    """Everything that is said, typed, thought and heard."""

    def __init__(self, window: Window, controller: Controller, settings: Settings) -> None:
        super().__init__(window)
        self._said_now = WhatIsSaid(window)
        self._window = window
        self._controller = controller
        self._settings = settings
        self._shown_state: tuple[State, TalkLook, str] | None = None
        self._listen_to_controller()
        self._listen_to_talk_bar()
        self._listen_to_turns()
        self._show_everything()

    def _listen_to_controller(self) -> None:
        controller, window = self._controller, self._window
        controller.state_changed.connect(lambda _state: self._show_state())
        controller.manner_changed.connect(self._show_state)
        controller.devices_changed.connect(self._show_ways)
        controller.model_changed.connect(self._on_model)
        controller.notice_changed.connect(self._on_notice)
        controller.level_changed.connect(window.talk_bar.button.set_level)
        controller.level_changed.connect(self._said_now.take_level)
        controller.question_played.connect(window.conversation.show_played)
        controller.turns_reset.connect(self._on_turns_reset)
        controller.branch_shown.connect(self._on_branch_shown)
        controller.turn_changed.connect(self._on_turn)
        controller.turn_removed.connect(self._on_turn_removed)
        controller.voices_changed.connect(self._show_switches)
        controller.question_given_back.connect(window.talk_bar.field.give_back)
        controller.attachment_changed.connect(window.talk_bar.set_attachment)
        self._settings.changed.connect(lambda _name: self._show_switches())
        self._settings.changed.connect(lambda _name: self._show_ways())

    def _show_everything(self) -> None:
        self._show_state()
        self._on_notice(self._controller.notice)
        self._on_turns_reset()
        self._window.talk_bar.set_attachment(self._controller.attachment)
        self._show_switches()
        self._show_ways()

    def _on_model(self, _status: ModelStatus) -> None:
        self._show_state()
        self._show_switches()

    def _show_state(self) -> None:
        look, word = self._look()
        if (shown := (self._controller.state, look, word)) == self._shown_state:
            return  # every id of an answer asks
        self._shown_state = shown
        self._window.busy = self._controller.state is not State.IDLE
        self._said_now.follow(self._controller.state, bool(self._controller.turns))
        self._window.talk_bar.set_state(look, word)
        self._window.header.set_state("" if self._controller.state is State.IDLE else word, TONES[look])

    def _look(self) -> tuple[TalkLook, str]:
        controller, last = self._controller, self._last()
        if controller.state is State.LISTENING and controller.locked:
            return TalkLook.LOCKED, self.tr("Listening · locked")
        if controller.state is State.SPEAKING and controller.plays_recording:
            return TalkLook.PLAYING, self.tr("Playing")
        if controller.state is State.SPEAKING and controller.paused:
            return TalkLook.SPEAKING, self.tr("Paused")
        if controller.state is State.THINKING and last is not None and last.state is TurnState.ANSWERING:
            return TalkLook.THINKING, self.tr("Answering")
        words = {
            State.GETTING_READY: (TalkLook.OPENING, self.tr("Starting…")),
            State.LISTENING: (TalkLook.LISTENING, self.tr("Listening")),
            State.THINKING: (TalkLook.THINKING, self.tr("Thinking")),
            State.SPEAKING: (TalkLook.SPEAKING, self.tr("Speaking")),
        }
        return words[controller.state] if controller.state in words else self._idle_look(controller.model)

    def _idle_look(self, model: ModelStatus) -> tuple[TalkLook, str]:
        if model.problem:
            return TalkLook.TROUBLE, self.tr("Stopped")
        if not model.ready:
            return TalkLook.OFF, self.tr("Loading")
        return TalkLook.READY, self.tr("Ready")

    def _on_notice(self, notice: Notice) -> None:
        if notice.of_settings:
            notice = Notice()
        commands = {
            NoticeAction.NONE: "",
            NoticeAction.RETRY: self.tr("Try again"),
            NoticeAction.PRIVACY: self.tr("Open privacy settings"),
            NoticeAction.USE: self.tr("Use it now"),
            NoticeAction.DEVICE: self.tr("Change…"),
            NoticeAction.TIMER: self.tr("Stop"),
        }
        other = self.tr("1 more minute") if notice.action is NoticeAction.TIMER else ""
        icon = _ICONS.get(notice.action, "")
        self._window.talk_bar.set_notice(notice.text, commands[notice.action], other, trouble=notice.trouble, icon=icon)

    def _on_notice_acted(self) -> None:
        if self._controller.notice.action is NoticeAction.DEVICE:
            bar = self._window.talk_bar
            bar.ways_to_talk.popup(bar.lane.action.mapToGlobal(QPoint(0, 0)))
        self._controller.act_on_notice()

    def _show_ways(self) -> None:
        """Offer the ways to talk and the microphones, in the menu of the hint."""
        menu, now = self._window.talk_bar.ways_to_talk, self._settings.now
        menu.clear()
        hold = menu.addAction(self.tr("Hold Space"))
        hold.setCheckable(True)
        hold.setChecked(True)
        menu.addAction(self.tr("Hands-free")).setEnabled(False)
        menu.addSeparator()
        inputs = [("", self.tr("System default")), *((each.key, each.name) for each in self._controller.inputs)]
        for key, name in inputs:
            action = menu.addAction(menu_words(name))
            action.setCheckable(True)
            action.setChecked(key == now.input_device)
            choose = partial(self._settings.change, input_device=key)
            action.triggered.connect(lambda _checked=False, choose=choose: choose())

    def _on_turns_reset(self) -> None:
        turns = self._controller.turns
        self._window.conversation.set_turns([self._titled(turn) for turn in turns])
        self._window.show_empty(not turns)
        self._enable_turn_commands()

    def _on_branch_shown(self) -> None:
        turns = self._controller.turns
        self._window.conversation.show_branch([self._titled(turn) for turn in turns])
        if turns and turns[-1].state in LIVE:
            self._window.conversation.show_end()
        self._window.show_empty(not turns)
        self._enable_turn_commands()

    def _on_turn_removed(self, key: str) -> None:
        self._window.conversation.remove_turn(key)
        self._window.show_empty(not self._controller.turns)
        self._enable_turn_commands()

    def _on_turn(self, turn: TurnView) -> None:
        self._said_now.make_room_for(turn)
        self._window.conversation.set_turn(self._titled(turn))
        self._window.show_empty(False)
        self._show_state()
        self._enable_turn_commands()

    def _titled(self, turn: TurnView) -> TurnView:
        """The turn with its tools called as the settings call them."""
        if not turn.tools:
            return turn
        titles = self._controller.tool_titles
        return replace(turn, tools=tuple(replace(each, title=titles.get(each.name, each.name)) for each in turn.tools))

    def _show_switches(self) -> None:
        now, window = self._settings.now, self._window
        network = {tool.name for tool in self._controller.tools if tool.needs_network}
        window.talk_bar.set_switches(
            now.thinking is not Thinking.OFF, now.spoken_answers, bool(network & set(now.tools))
        )
        mute = self._controller.model.ready and not self._controller.voices
        window.talk_bar.offer(think=self._controller.model.thinks, speak=not mute, search=bool(network))
        window.menus.show_switches(now.thinking is not Thinking.OFF, now.spoken_answers, bool(network & set(now.tools)))

    def _listen_to_talk_bar(self) -> None:
        bar, controller, window = self._window.talk_bar, self._controller, self._window
        window.talk_pressed.connect(lambda _seconds_ago: window.show_page(TALK))
        window.talk_pressed.connect(controller.press_talk)
        window.talk_released.connect(controller.release_talk)
        bar.latch_toggled.connect(controller.toggle_latch)
        bar.text_sent.connect(controller.ask_text)
        bar.think_toggled.connect(lambda on: controller.set_thinking(Thinking.ALWAYS if on else Thinking.OFF))
        bar.speak_toggled.connect(controller.set_spoken_answers)
        bar.search_toggled.connect(self._on_search_toggled)
        bar.notice_acted.connect(self._on_notice_acted)
        bar.notice_acted_otherwise.connect(lambda: controller.act_on_notice(True))
        bar.notice_dismissed.connect(controller.dismiss_notice)
        bar.attachment_removed.connect(controller.clear_attachment)
        window.stop_requested.connect(controller.stop)
        window.files_dropped.connect(self._on_files)

    def _on_search_toggled(self, on: bool) -> None:
        network = [tool.name for tool in self._controller.tools if tool.needs_network]
        kept = [name for name in self._settings.now.tools if name not in network]
        self._controller.set_tools(tuple(kept + network if on else kept))

    def _on_files(self, paths: list[str], page: int) -> None:
        single = len(paths) == 1 and os.path.isfile(paths[0])  # Path's own raises for a folder that is locked
        if page == TRANSCRIBE or not single:
            self._controller.transcriber.add_files([Path(path) for path in paths])
            self._window.show_page(TRANSCRIBE)
        else:
            self._controller.attach(Path(paths[0]))

    def _listen_to_turns(self) -> None:
        controller, menus = self._controller, self._window.menus
        self._window.conversation.act.connect(self._on_act)
        menus.talk.triggered.connect(lambda: self._window.show_page(TALK))
        menus.talk.triggered.connect(controller.toggle_latch)
        menus.play.triggered.connect(self._on_play)
        menus.again.triggered.connect(lambda: self._on_last(TurnAction.AGAIN))
        menus.copy_answer.triggered.connect(self._on_copy_answer)
        menus.save_sound.triggered.connect(lambda: self._on_last(TurnAction.SAVE))

    def _last(self) -> TurnView | None:
        return self._controller.last_turn

    def _on_play(self) -> None:
        """Play the last answer; hold it while it sounds, or go on with it."""
        last = self._last()
        sounds = last is not None and last.state is TurnState.SPEAKING
        self._on_last(TurnAction.PAUSE if sounds else TurnAction.PLAY)

    def _on_copy_answer(self) -> None:
        if self._window.page == TALK:
            self._on_last(TurnAction.COPY)

    def _on_last(self, action: TurnAction) -> None:
        last = self._last()
        if last is not None:
            self._on_act(last.key, action, None)

    def _enable_turn_commands(self) -> None:
        last, menus = self._last(), self._window.menus
        settled = last is not None and last.state in (TurnState.DONE, TurnState.INTERRUPTED, TurnState.FAILED)
        sounds = last is not None and last.has_sound
        menus.play.setEnabled(sounds)
        menus.show_play(speaking=last is not None and last.state is TurnState.SPEAKING, paused=self._controller.paused)
        menus.save_sound.setEnabled(sounds and settled)
        menus.again.setEnabled(settled or (last is not None and last.state is TurnState.SPEAKING))

    def _turn(self, key: str) -> TurnView | None:
        return next((turn for turn in self._controller.turns if turn.key == key), None)

    def _on_act(self, key: str, action: TurnAction, value: object) -> None:
        turn, controller = self._turn(key), self._controller
        if turn is None:
            return
        simple = {
            TurnAction.PLAY: lambda: controller.play_again(key, turn.speed),
            TurnAction.STOP: controller.stop,
            TurnAction.PAUSE: controller.toggle_pause,
            TurnAction.PLAY_QUESTION: lambda: controller.play_question(key, float(str(value or 0.0))),
            TurnAction.SPEED: lambda: controller.play_again(key, float(str(value))),
            TurnAction.COPY: lambda: QGuiApplication.clipboard().setText(turn.answer + turn.unspoken),
            TurnAction.SAVE: lambda: self._save(turn),
            TurnAction.VOICE: lambda: self._offer_voices(turn),
            TurnAction.EDIT: lambda: self._edit(turn),
            TurnAction.AGAIN: lambda: controller.ask_again(key),
            TurnAction.RETRY: lambda: controller.try_again(key),
            TurnAction.DELETE: lambda: controller.delete_turn(key),
            TurnAction.VERSION: lambda: controller.show_version(key, int(str(value))),
            TurnAction.SKIP_THINKING: controller.skip_thinking,
            TurnAction.ALLOW: lambda: controller.answer_tool(True),
            TurnAction.ALLOW_ALWAYS: lambda: controller.answer_tool(True, True),
            TurnAction.REFUSE: lambda: controller.answer_tool(False),
        }
        if action in simple:
            simple[action]()

    def _save(self, turn: TurnView) -> None:
        title, kinds = self.tr("Save as sound"), self.tr("Sound") + " (*.wav)"
        folder = last_export_folder(self._settings, Path(documents_folder()))
        place = str(folder / f"{file_name(turn.answer)}.wav")
        path, _ = QFileDialog.getSaveFileName(self._window, title, place, kinds)
        if path:
            keep_export_folder(self._settings, Path(path).parent)
            self._controller.save_sound(turn.key, Path(path))

    def _offer_voices(self, turn: TurnView) -> None:
        menu = QMenu(self._window)
        menu.aboutToHide.connect(menu.deleteLater)
        for voice in self._controller.voices:
            action = menu.addAction(menu_words(voice.name))
            speak = partial(self._controller.speak_again, turn.key, voice.key)
            action.triggered.connect(lambda _checked=False, speak=speak: speak())
        if not self._controller.voices:
            menu.addAction(self.tr("No voice yet")).setEnabled(False)
        menu.popup(QCursor.pos() + QPoint(0, 8))

    def _edit(self, turn: TurnView) -> None:
        title, command = self.tr("Edit what you said"), self.tr("Ask again")
        sheet = TextSheet(
            self._window, title, turn.text, command, lambda text: self._controller.edit_turn(turn.key, text)
        )
        sheet.open()
