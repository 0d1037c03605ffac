"""Connects the welcome page with the controller: what the model can do, whether Earshot hears, what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.shown.models import DownloadView
from app.widgets.controls.sizes import gigabytes, model_title
from app.widgets.frame.window import Window
from engine.checkpoints.fit import AS_PUBLISHED_BITS

if TYPE_CHECKING:
    from app.controller import Controller
    from app.settings import Settings


class WelcomeBinding(QObject):
    """Keeps the page of an empty conversation true."""

    def __init__(self, window: Window, controller: Controller, settings: Settings) -> None:
        super().__init__(window)
        self._page, self._controller, self._settings = window.welcome, controller, settings
        page, card = self._page, self._page.microphone
        page.phrase_chosen.connect(controller.ask_text)
        card.allowed.connect(controller.allow_microphone)
        card.postponed.connect(controller.postpone_microphone)
        card.privacy_requested.connect(controller.open_privacy_settings)
        card.devices.picked.connect(lambda key: settings.change(input_device=str(key)))
        controller.welcome_changed.connect(page.show_welcome)
        controller.microphone_level_changed.connect(card.meter.set_level)
        controller.devices_changed.connect(self._show_devices)
        controller.downloads.changed.connect(self._show_offer)
        settings.changed.connect(lambda _name: self._show_devices())
        page.show_welcome(controller.welcome)
        self._show_devices()
        self._show_offer()

    def _show_devices(self) -> None:
        devices = [("", self.tr("System default")), *((each.key, each.name) for each in self._controller.inputs)]
        self._page.microphone.show_devices(devices, self._settings.now.input_device)

    def _show_offer(self) -> None:
        offered = next(iter(self._controller.downloads.listed), None)
        words, fits = self._offer(offered) if offered is not None else ("", True)
        self._page.model.show_offer(words, fits=fits)

    def _offer(self, offered: DownloadView) -> tuple[str, bool]:
        """How much is to be fetched, or what would fit this machine; and whether the model does."""
        fitting = [size.bits for size in offered.sizes if size.memory <= offered.usable]
        words = self.tr("{model} fits · {size}")
        if not fitting:
            words = self.tr("{model} needs {need} of memory, and a model may take {usable} on this Mac")
        elif AS_PUBLISHED_BITS not in fitting:
            words = self.tr("{model} fits as a 4-bit copy · {size}")
        least = min((size.memory for size in offered.sizes), default=0)
        told = words.format(
            model=model_title(offered.name),
            size=f"{offered.total / 1e9:.0f} GB",
            need=gigabytes(least),
            usable=gigabytes(offered.usable),
        )
        return told, bool(fitting)
