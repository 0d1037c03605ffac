"""The main window of the running app: the window, connected with its controller and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QCloseEvent, QGuiApplication

from app.qt import override
from app.widgets.bindings.addresses import AddressBinding
from app.widgets.bindings.context import ContextBinding
from app.widgets.bindings.dragging import DragBinding
from app.widgets.bindings.exchange import ExchangeBinding
from app.widgets.bindings.lists import ListBinding
from app.widgets.bindings.notifications import NotificationBinding
from app.widgets.bindings.presets import PresetBinding
from app.widgets.bindings.recording import RecordingBinding
from app.widgets.bindings.settings import SettingsBinding
from app.widgets.bindings.sidebar_list import SidebarListBinding
from app.widgets.bindings.talk import TalkBinding
from app.widgets.bindings.timers import TimerBinding
from app.widgets.bindings.transcribe import TranscribeBinding
from app.widgets.bindings.transcript import TranscriptBinding
from app.widgets.bindings.undo import UndoBinding
from app.widgets.bindings.welcome import WelcomeBinding
from app.widgets.controls.sheets import tell
from app.widgets.frame.window import Window

if TYPE_CHECKING:
    from app.controller import Controller
    from app.settings import Settings
    from app.widgets.manual.window import ManualWindow


class MainWindow(Window):
    """Shows one controller. Commands go to it, its signals come back; everything runs on the GUI thread."""

    def __init__(self, controller: Controller, settings: Settings) -> None:
        super().__init__()
        self._controller = controller
        self._settings = settings
        self.manual: ManualWindow | None = None  # once it was opened
        self.talking = TalkBinding(self, controller, settings)
        self.welcoming = WelcomeBinding(self, controller, settings)
        self.dragging = DragBinding(self, controller)
        self.timing = TimerBinding(self, controller)
        self.listing = ListBinding(self, controller, settings)
        self.measuring = ContextBinding(self, controller)
        self.presets = PresetBinding(self, controller, settings, self.listing)
        self.sidebar_listing = SidebarListBinding(self, controller)
        self.transcribing = TranscribeBinding(self, controller, settings)
        self.recording = RecordingBinding(self, controller)
        self.exchanging = ExchangeBinding(self, controller, settings, self.transcribing)
        self.reading = TranscriptBinding(self, controller, self.transcribing)
        self.preferences = SettingsBinding(self, controller, settings)
        self.notifying = NotificationBinding(self, controller, settings)
        self.answering_addresses = AddressBinding(self, controller)
        self.undoing = UndoBinding(self, controller, self.preferences)
        self.listing.voices_requested.connect(self.preferences.open_voices)
        self.menus.quit.triggered.connect(controller.quit)
        self.menus.manual.triggered.connect(self.open_manual)
        self.menus.diagnostics.triggered.connect(self._copy_diagnostics)
        self.menus.about.triggered.connect(self._tell_about)
        self.restore(settings.now.window_geometry)

    def open_manual(self) -> None:
        """Show the manual."""
        if self.manual is None:
            from app.widgets.manual.window import ManualWindow  # not before somebody wants it: the window opens sooner

            self.manual = ManualWindow(self)
        self.manual.show()
        self.manual.raise_()
        self.manual.activateWindow()

    def _copy_diagnostics(self) -> None:
        QGuiApplication.clipboard().setText(self._controller.diagnostics())
        title = self.tr("Diagnostics copied")
        tell(self, title, self.tr("They name versions, devices and errors, and contain nothing that was said."))

    def _tell_about(self) -> None:
        from engine.commands.console import version

        words = self.tr(
            "A private voice assistant. It hears, thinks and answers on this Mac; nothing you say leaves it."
        )
        tell(self, f"Earshot {version()}", words)

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        self._settings.change(window_geometry=self.saved_geometry())
        super().closeEvent(event)
