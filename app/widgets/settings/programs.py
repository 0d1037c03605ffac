"""Whether other programs may use the model, and the address and token that they need."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.shown.settings import ProgramsView, SettingsView
from app.widgets.controls import theme
from app.widgets.controls.buttons import TextButton, Tone
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.settings.form import SettingsPage

_SHOWN = 12  # signs of the token; the rest is for the clipboard alone
_WORDS_WIDTH = 260


class ProgramsPage(SettingsPage):
    """A switch, the address, the token, and who is there."""

    token_renewed = Signal()

    def __init__(self, change: Callable[[str, object], None]) -> None:
        super().__init__(self.tr("Other programs"))
        self._view = ProgramsView()
        self._on = self.check(
            self.tr("Let other programs on this Mac use the model"),
            self.tr("They use it as they use OpenAI's, with the token below. You always come first."),
            partial(change, "other_programs"),
        )
        self._problem = self.note("", "trouble")
        self._address, self._token = self._line(), self._line()
        self._clients = self._line()
        copy_address, copy_token = self._button(self.tr("Copy")), self._button(self.tr("Copy"))
        copy_address.setAccessibleName(self.tr("Copy the address"))
        copy_address.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._view.address))
        copy_token.setAccessibleName(self.tr("Copy the token"))
        copy_token.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._view.token))
        renew = self._button(self.tr("Renew"), Tone.SECOND)
        renew.setAccessibleName(self.tr("Renew the token"))
        renew.clicked.connect(self.token_renewed)
        self.row(self.tr("Address"), self._address, copy_address)
        hint = self.tr(
            "Anyone who has it can use the model and have recordings on this Mac read. "
            "Renewing it locks everyone else out."
        )
        self.row(self.tr("Token"), self._token, copy_token, renew, hint=hint)
        self.row(self.tr("In the last minute"), self._clients)
        self._buttons: tuple[QWidget, ...] = (copy_address, copy_token, renew)
        self.end()
        self._show()

    def _line(self) -> Label:
        label = ElidedLabel("", "second")
        label.setFixedWidth(_WORDS_WIDTH)
        return label

    def _button(self, words: str, tone: Tone = Tone.ACCENT) -> TextButton:
        return TextButton(words, tone, size_px=theme.SMALL_PX + 0.5)

    def show_settings(self, view: SettingsView) -> None:
        """Show these values; says nothing."""
        with QSignalBlocker(self._on):
            self._on.setChecked(view.other_programs)
        self._view = view.programs
        self._show()

    def _show(self) -> None:
        view = self._view
        self._problem.setText(view.problem)
        self._problem.setVisible(bool(view.problem))
        self._address.setText(view.address or "–")
        self._token.setText(f"{view.token[:_SHOWN]}…" if view.token else "–")
        self._clients.setText(", ".join(view.clients) or (self.tr("Nobody") if view.on else "–"))
        for button in self._buttons:
            button.setEnabled(view.on)

    @property
    def words(self) -> tuple[str, str, str, str]:
        """Address, beginning of the token, who is there, and what is wrong."""
        return self._address.text(), self._token.text(), self._clients.text(), self._problem.text()
