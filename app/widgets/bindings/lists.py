"""Connects sidebar, header and window with the controller: saved conversations, presets, voices, the status line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from app.shown.models import ModelStatus
from app.shown.talk import ConversationView
from app.widgets.controls.sizes import gigabytes, share_of
from app.widgets.frame.window import TALK, Window

if TYPE_CHECKING:
    from app.controller import Controller
    from app.settings import Settings


class ListBinding(QObject):
    """What surrounds the conversation."""

    voices_requested = Signal()
    presets_shown = Signal()

    def __init__(self, window: Window, controller: Controller, settings: Settings) -> None:
        super().__init__(window)
        self._window = window
        self._controller = controller
        self._settings = settings
        self._add_voice = QAction(self.tr("Add a voice…"), self)
        self._add_voice.triggered.connect(self.voices_requested)
        self._listen_to_controller()
        self._listen_to_sidebar()
        self._listen_to_header()
        self._show_everything()

    def _listen_to_controller(self) -> None:
        controller = self._controller
        controller.conversation_changed.connect(self._on_conversation)
        controller.model_changed.connect(self._on_model)
        controller.model_changed.connect(lambda _model: self.show_presets())
        controller.voices_changed.connect(self._show_voices)
        self._settings.changed.connect(lambda _name: self._show_choices())

    def _show_everything(self) -> None:
        self._on_conversation(self._controller.conversation)
        self._on_model(self._controller.model)
        self._show_choices()

    def _show_choices(self) -> None:
        self.show_presets()
        self._show_voices()

    def _on_conversation(self, conversation: ConversationView) -> None:
        self._window.set_title(conversation.title)

    def _on_model(self, model: ModelStatus) -> None:
        first, second = self._status_words(model)
        tone = "trouble" if model.problem else "good" if model.ready else "second"
        self._window.sidebar.status.show_status(first, second, tone=tone)

    def _status_words(self, model: ModelStatus) -> tuple[str, str]:
        if model.problem:
            return model.name or self.tr("No model"), model.problem
        if not model.ready:
            if model.place:
                return self.tr("Connecting to {place}").format(place=model.place), self.tr("What you say goes there")
            share = self.tr("{share} %").format(share=int(model.share * 100))
            return self.tr("Loading {model}").format(model=model.name), share
        small = model.memory_bytes < 1e9  # then what the Mac has is of no interest
        memory = gigabytes(model.memory_bytes) if small else share_of(model.memory_bytes, model.total_bytes)
        leaves = model.leaves or self.tr("nothing leaves this Mac")
        return model.name, f"{memory} · {leaves}"

    def _listen_to_sidebar(self) -> None:
        controller, sidebar, menus = self._controller, self._window.sidebar, self._window.menus
        sidebar.new_requested.connect(self._on_new)
        menus.new.triggered.connect(self._on_new)
        sidebar.conversations.opened.connect(self._on_opened)
        sidebar.conversations.renamed.connect(controller.rename)
        sidebar.conversations.delete_requested.connect(controller.delete_conversation)
        menus.rename.triggered.connect(self._on_rename_current)
        menus.delete.triggered.connect(self._on_delete_current)
        self._window.page_changed.connect(self._name_entry)

    def _on_new(self) -> None:
        self._controller.new_conversation()
        self._window.show_page(TALK)
        self._window.go_home()

    def _on_opened(self, key: str) -> None:
        self._controller.open_conversation(key)
        self._window.show_page(TALK)
        self._window.go_home()

    def _on_rename_current(self) -> None:
        self._window.sidebar_place.show(True)  # its name is changed in the list
        self._window.sidebar.conversations.edit_current()

    def _on_delete_current(self) -> None:
        if self._window.page == TALK:
            self._controller.delete_conversation(self._controller.conversation.key)
        else:
            self._controller.recording_commands.remove_recording(self._window.transcript_key)

    def _name_entry(self) -> None:
        talks, key = self._window.page == TALK, self._window.transcript_key
        self._window.menus.name_entry(recording=not talks, offered=talks or bool(key))

    def _listen_to_header(self) -> None:
        self._window.preset.picked.connect(self._controller.set_preset)
        self._window.voice.picked.connect(self._controller.set_voice)

    def show_presets(self) -> None:
        """Offer the presets there are."""
        choices = [(preset.key, preset.name) for preset in self._controller.presets_offered]
        chosen, keys = self._settings.now.preset, [key for key, _ in choices]
        self._window.preset.show_choices(choices, chosen if chosen in keys else keys[0])
        self.presets_shown.emit()

    def _show_voices(self) -> None:
        choices = [(voice.key, voice.name) for voice in self._controller.voices]
        wanted, keys = self._settings.now.voice, [key for key, _ in choices]
        shown = wanted if wanted in keys else next(iter(keys), "")
        self._window.voice.show_choices(choices, shown, self.tr("Voice: {choice}"))
        if not choices:
            self._window.voice.show_words(self.tr("No voice"))
        self._window.voice.add_command(self._add_voice)
