"""A model on another machine: found, tried, remembered; its token is in the keychain."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from app.engine_side.loading import Elsewhere
from app.keychain import Keychain, KeychainMissingError
from app.settings import Settings
from app.shown.settings import OtherMachineView
from app.translations import told
from app.worker import Worker
from engine.errors import EngineError
from engine.remote.address import Address

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """What answers at an address."""

    place: str
    name: str
    speaks: bool
    speaks_here: bool


def look(elsewhere: Elsewhere) -> Found:
    """Connect, see what there is, and hang up. Raises RequestError, RemoteError, StorageError."""
    from engine.engine import Engine

    model = Engine.connect(elsewhere.address, elsewhere.token)
    try:
        return Found(model.place, model.name, model.capabilities.speaks, model.speaks_here)
    finally:
        model.close()


def elsewhere_of(keychain: Keychain, address: str) -> Elsewhere:
    """An address with the token that is kept for it. Raises StorageError."""
    return Elsewhere(address, keychain.read(_secret_name(address)))


class OtherMachine(QObject):
    """What the settings ask of a model on another machine. The worker waits for the network and for the keychain."""

    changed = Signal()
    chosen = Signal(object)  # Elsewhere, which answered and is to be used

    def __init__(
        self,
        settings: Settings,
        keychain: Keychain,
        worker: Worker,
        look: Callable[[Elsewhere], Found] = look,
    ) -> None:
        super().__init__()
        self._settings, self._keychain, self._worker, self._look = settings, keychain, worker, look
        self._asked = 0  # late answers are dropped
        self._last: Callable[[], None] = lambda: None
        self._view = OtherMachineView()

    @property
    def view(self) -> OtherMachineView:
        """What is shown of it."""
        now = self._settings.now
        return replace(self._view, address=now.other_machine, in_use=bool(now.model) and now.model == now.other_machine)

    def test(self, address: str, token: str) -> None:
        """See what answers at an address. Without a token, the one that is kept for it is shown there."""
        self._begin(address, token, use=False)

    def use(self, address: str, token: str) -> None:
        """Use the model there from now on, if it answers; the token is kept."""
        self._begin(address, token, use=True)

    def allow_file(self) -> None:
        """Keep secrets in a file that only the user can read, for want of a keychain, and go on."""
        self._settings.change(secrets_in_file=True)
        self._last()

    def _begin(self, address: str, token: str, *, use: bool) -> None:
        try:
            written = str(Address.of(address))
        except EngineError as error:
            self._show(OtherMachineView(words=told(error), trouble=True))
            return
        self._last = lambda: self._begin(address, token, use=use)
        self._asked += 1
        asked = self._asked
        self._settings.change(other_machine=written)
        self._show(OtherMachineView(busy=True, words=self.tr("Connecting…")))

        def task() -> tuple[Elsewhere, Found]:
            known = Elsewhere(written, token) if token else elsewhere_of(self._keychain, written)
            found = self._look(known)
            if use and token:
                self._keychain.keep(_secret_name(written), token)
            return known, found

        def done(result: tuple[Elsewhere, Found] | None, error: Exception | None) -> None:
            if asked == self._asked:
                self._take(result, error, use=use)

        self._worker.run(task, done)

    def _take(self, result: tuple[Elsewhere, Found] | None, error: Exception | None, *, use: bool) -> None:
        if result is None:
            if not isinstance(error, EngineError):
                log.error("looking for a model on another machine failed", exc_info=error)
            words = told(error) if isinstance(error, EngineError) else self.tr("This cannot be used at the moment.")
            offers_file = isinstance(error, KeychainMissingError)
            self._show(OtherMachineView(words=words, trouble=True, offers_file=offers_file))
            return
        elsewhere, found = result
        self._show(OtherMachineView(words=self._told(found)))
        if use:
            self.chosen.emit(elsewhere)

    def _told(self, found: Found) -> str:
        words = self.tr("{model} answers at {place}.").format(model=found.name, place=found.place)
        if not found.speaks:
            return f"{words} {self.tr('It cannot speak.')}"
        if found.speaks_here:
            return f"{words} {self.tr('Its voice is made on this Mac.')}"
        return f"{words} {self.tr('Its voice is made there.')}"

    def _show(self, view: OtherMachineView) -> None:
        self._view = view
        self.changed.emit()


def _secret_name(address: str) -> str:
    return f"model at {address}"
