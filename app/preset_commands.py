"""Who answers, and how: the presets to choose from, and those that a person makes, changes and removes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.models.models import Models
from app.settings import Settings
from app.shown.choices import OwnPresetView, PresetView
from app.talk import choices
from app.talk.conversation import Conversation
from app.talk.own_presets import FALLBACK, PresetLibrary
from app.translations import sentence
from app.undo_history import UndoHistory
from engine.storage import told_apart

if TYPE_CHECKING:
    from engine.conversation.prompting.presets import Preset


class PresetCommands:
    """The built-in presets come first. Making, changing and removing one can be undone."""

    def __init__(
        self,
        settings: Settings,
        conversation: Conversation,
        models: Models,
        library: PresetLibrary,
        history: UndoHistory,
    ) -> None:
        self._settings, self._conversation, self._models = settings, conversation, models
        self._library, self._history = library, history
        self.changed, self.trouble = library.changed, library.trouble

    @property
    def all(self) -> tuple[PresetView, ...]:
        """Whether or not the loaded model can do them."""
        return choices.preset_views(self._settings.now.language) + self._own

    @property
    def offered(self) -> tuple[PresetView, ...]:
        """Those that the loaded model can do."""
        return choices.preset_views(self._settings.now.language, self._models.about) + self._own

    @property
    def _own(self) -> tuple[PresetView, ...]:
        return tuple(PresetView(each.id, each.name()) for each in self._library.listed)

    def own(self, id: str) -> OwnPresetView | None:
        """A preset that a person made, to be changed; None for any other."""
        preset = self._library.find(id)
        return _view_of(preset) if preset is not None else None

    def choose(self, id: str) -> None:
        """Its own choices become the settings; what reaches the network stays as it is."""
        network = {tool.name for tool in choices.tool_offers() if tool.needs_network}
        kept = tuple(tool for tool in self._settings.now.tools if tool in network)
        chosen = choices.preset_choices(id, self._library.find(id))
        chosen["tools"] = (*(tool for tool in chosen.get("tools", ()) if tool not in network), *kept)
        self._settings.change(preset=id, **chosen)
        self._conversation.set_preset(id)

    def make(self, view: OwnPresetView) -> None:
        """Keep a new preset, and use it."""
        preset = self._library.made(self._free_name(view), view.persona, view.voice, view.tools)
        before = self._settings.now.preset

        def do() -> None:
            self._library.keep(preset)
            self.choose(preset.id)

        self._history.do(sentence("Make Preset"), do, lambda: self._take_out(preset.id, before))

    def change(self, view: OwnPresetView) -> None:
        """Keep a newer state of a preset; where it is in use it holds from the next turn on."""
        before = self._library.find(view.key)
        if before is None or _view_of(before) == view:
            return
        preset = self._library.made(self._free_name(view), view.persona, view.voice, view.tools, view.key)
        self._history.do(sentence("Change Preset"), lambda: self._put(preset), lambda: self._put(before))

    def remove(self, id: str) -> None:
        """Forget a preset; where it was in use, the assistant answers."""
        preset, in_use = self._library.find(id), self._settings.now.preset == id
        if preset is None:
            return

        def restore() -> None:
            self._library.keep(preset)
            if in_use:
                self.choose(id)

        words = sentence("Removed “{name}”").format(name=preset.name())
        self._history.do(sentence("Remove Preset"), lambda: self._take_out(id, FALLBACK), restore, words)

    def _put(self, preset: Preset) -> None:
        self._library.keep(preset)
        if self._settings.now.preset == preset.id:
            self.choose(preset.id)

    def _take_out(self, id: str, instead: str) -> None:
        if self._settings.now.preset == id:
            self.choose(instead)
        self._library.remove(id)

    def _free_name(self, view: OwnPresetView) -> str:
        """Each has a name of its own, by which the command line finds it."""
        taken = {each.name.casefold() for each in self.all if each.key != view.key}
        return told_apart(view.name.strip(), taken)


def _view_of(preset: Preset) -> OwnPresetView:
    return OwnPresetView(preset.id, preset.name(), preset.persona(), preset.voice, preset.tools)
