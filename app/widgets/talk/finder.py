"""Finds words in the conversation in front, like the find field of any Mac app."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt

from app.widgets.controls.find_field import FindField
from app.widgets.talk.conversation_page import ConversationPage
from app.widgets.talk.find_places import Place, find_places


class Finder(QObject):
    """Owns the field, which the header shows while one looks for something."""

    def __init__(self, page: ConversationPage) -> None:
        super().__init__(page)
        self._page = page
        self._places: list[Place] = []
        self._at = -1
        self.field = FindField()
        self.field.hide()
        self.field.words_changed.connect(lambda _words: self._look())
        self.field.next_wanted.connect(lambda: self.go(1))
        self.field.previous_wanted.connect(lambda: self.go(-1))
        self.field.left.connect(self.end)

    def start(self) -> None:
        """Put the keyboard into the field."""
        self.field.show()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()
        self._look()

    def end(self) -> None:
        """Look for nothing any more."""
        self.field.hide()
        self._page.mark("", None)

    def go(self, step: int) -> None:
        """To the next place, or the one before; what was said meanwhile counts as well."""
        if self.field.isHidden():
            self.start()
        before = self._places[self._at] if 0 <= self._at < len(self._places) else None
        self._find()
        if before in self._places:
            self._at = self._places.index(before)
        if self._places:
            self._at = (self._at + step) % len(self._places)
        self._show()

    def _find(self) -> None:
        words = self.field.words
        self._places = list(find_places(self._page.turns, words)) if words else []

    def _look(self) -> None:
        self._find()
        top = self._page.first_in_sight
        self._at = next((n for n, place in enumerate(self._places) if place.turn >= top), 0 if self._places else -1)
        self._show()

    def _show(self) -> None:
        self.field.show_count(self._at + 1, len(self._places))
        self._page.mark(self.field.words, self._places[self._at] if self._places else None)
