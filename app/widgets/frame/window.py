"""The one window: sidebar, page, talk bar. It shows what it is told and says what the user wants."""

from __future__ import annotations

import sys

from PySide6.QtCore import QByteArray, QEvent, QStandardPaths, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeyEvent,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.qt import override
from app.widgets.controls import icons, theme
from app.widgets.controls.toast import Toast
from app.widgets.frame.context_meter import ContextMeter
from app.widgets.frame.drop_overlay import DropOverlay, dropped_files
from app.widgets.frame.header import HeaderBar, MenuPill
from app.widgets.frame.keyboard import Keyboard
from app.widgets.frame.menus import Menus
from app.widgets.frame.sidebar import Sidebar, StatusFoot
from app.widgets.frame.sidebar_place import SidebarPlace
from app.widgets.frame.title_bar import TitleBar
from app.widgets.talk.conversation_page import ConversationPage
from app.widgets.talk.finder import Finder
from app.widgets.talk.talk_bar import TalkBar
from app.widgets.talk.welcome import WelcomePage
from app.widgets.transcribe.page import TranscribePage
from app.widgets.transcribe.recording_tools import RecordingTools
from app.widgets.transcribe.transcript_page import TranscriptPage

ON_MAC = sys.platform == "darwin"
TALK, TRANSCRIBE = 0, 1
_TRANSCRIPT = 2
SOUND_FILES = "*.wav *.mp3 *.m4a *.mp4 *.mov *.flac *.ogg *.opus *.aac *.aiff *.aif *.caf *.webm *.mkv *.wma"


def documents_folder() -> str:
    """Where file dialogs open the first time: Qt itself goes on from the folder used last."""
    return QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)


class Window(QMainWindow):
    """Builds the parts and puts them in their places; `MainWindow` connects them to the controller."""

    files_dropped = Signal(list, int)  # paths, page
    painted = Signal()  # for the first time: a person sees the window
    closing = Signal()
    stop_requested = Signal()
    talk_pressed = Signal(float)  # so many seconds ago
    talk_released = Signal()
    page_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Earshot")
        self.setWindowIcon(icons.application_icon())
        self.setMinimumSize(*theme.MINIMUM_WINDOW_SIZE)
        self.resize(*theme.WINDOW_SIZE)
        self.setAcceptDrops(True)
        self.sidebar = Sidebar()
        self._talk = QWidget()
        self.talk_bar = TalkBar(self._talk)
        self.conversation = ConversationPage()
        self.finder = Finder(self.conversation)
        self.welcome = WelcomePage()
        self.transcribe = TranscribePage()
        self.transcript = TranscriptPage()
        self.recordings = RecordingTools(self.transcript)
        self.transcript_key = ""  # the recording whose text is in front; "" for the queue
        self.context = ContextMeter()
        self.preset = MenuPill(self.tr("Preset"))
        self.voice = MenuPill(self.tr("Voice"))
        self.header = HeaderBar()
        self.foot = StatusFoot()
        self.busy = False  # something goes on that Esc ends
        self._lay_out()
        self.menus = Menus(self)
        self.keyboard = Keyboard(self, self.talk_bar.field, lambda: self.page == TALK, self.go_home)
        self._overlay = DropOverlay(self._page)
        self.toast = Toast(self._page, above=(self.talk_bar.box, self.talk_bar.lane, self.foot))
        self._talk_title = ""
        self._painted = False
        self._connect()
        self.show_page(TALK)

    def _lay_out(self) -> None:
        for tool in (self.finder.field, self.context, self.preset, self.voice, *self.recordings.tools):
            self.header.add(tool)
        self._talk_stack = QStackedWidget()
        self._talk_stack.addWidget(self.welcome)
        self._talk_stack.addWidget(self.conversation)
        talk_column = QVBoxLayout(self._talk)
        talk_column.setContentsMargins(0, 0, 0, 0)
        talk_column.setSpacing(0)
        talk_column.addWidget(self._talk_stack, 1)
        talk_column.addWidget(self.talk_bar)
        for part in (self.talk_bar.fade, self.talk_bar.box, self.talk_bar.lane):
            part.raise_()
        self._pages = QStackedWidget()
        self._pages.addWidget(self._talk)
        self._pages.addWidget(self.transcribe)
        self._pages.addWidget(self.transcript)
        self._page = QWidget()
        self._page.setBackgroundRole(QPalette.ColorRole.Window)
        self._page.setAutoFillBackground(True)
        column = QVBoxLayout(self._page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self._pages, 1)
        column.addWidget(self.foot)
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.sidebar)
        row.addWidget(self._page, 1)
        self.setCentralWidget(whole)
        self.sidebar_place = SidebarPlace(whole, row, self.sidebar)
        if ON_MAC:
            TitleBar(self, [whole, self._page], [self.sidebar, self.header])

    def _connect(self) -> None:
        self.sidebar.page_chosen.connect(self.show_page)
        self.sidebar.queue_requested.connect(lambda: self.show_page(TRANSCRIBE))
        self.sidebar.search.left.connect(self.go_home)
        self.transcript.find_field.left.connect(self.go_home)
        self.finder.field.left.connect(self.go_home)
        self.talk_bar.lane.placed.connect(self._make_room_for_lane)
        self.keyboard.play_instead = self._play_instead
        self.transcribe.open_requested.connect(self.choose_files)
        self.keyboard.talk_pressed.connect(self.talk_pressed)
        self.keyboard.talk_released.connect(self.talk_released)
        self.talk_bar.talk_pressed.connect(lambda: self.talk_pressed.emit(0.0))
        self.talk_bar.talk_released.connect(self.talk_released)
        self.talk_bar.file_wanted.connect(self._choose_attachment)
        self.sidebar.status.told.connect(self.foot.show_status)
        self.sidebar_place.changed.connect(self._on_sidebar_moved)
        self.header.sidebar_button.clicked.connect(self._toggle_sidebar)
        self.sidebar.hide_button.clicked.connect(self._toggle_sidebar)
        self.header.new_button.clicked.connect(self.sidebar.new_requested)
        menus = self.menus
        menus.open.triggered.connect(self.choose_files)
        menus.close.triggered.connect(self.close)
        menus.find.triggered.connect(self._find_here)
        menus.search.triggered.connect(self.start_search)
        menus.replace.triggered.connect(lambda: self.transcript.start_find(replacing=True))
        menus.next_hit.triggered.connect(lambda: self._go_to_hit(1))
        menus.previous_hit.triggered.connect(lambda: self._go_to_hit(-1))
        menus.stop.triggered.connect(self.stop_requested)
        menus.show_talk.triggered.connect(lambda: self.show_page(TALK))
        menus.show_transcribe.triggered.connect(lambda: self.show_page(TRANSCRIBE))
        menus.sidebar.triggered.connect(self._toggle_sidebar)
        menus.side_column.triggered.connect(self._toggle_side_column)
        menus.view.aboutToShow.connect(self._name_side_column_act)
        menus.full_screen.triggered.connect(self._on_full_screen)
        menus.minimise.triggered.connect(self.showMinimized)
        menus.zoom.triggered.connect(lambda: self.showNormal() if self.isMaximized() else self.showMaximized())
        menus.think.toggled.connect(self.talk_bar.think.setChecked)
        menus.speak.toggled.connect(self.talk_bar.speak.setChecked)
        menus.search_web.toggled.connect(self.talk_bar.search.setChecked)
        self.talk_bar.think_toggled.connect(menus.think.setChecked)
        self.talk_bar.speak_toggled.connect(menus.speak.setChecked)
        self.talk_bar.search_toggled.connect(menus.search_web.setChecked)

    @property
    def page(self) -> int:
        """The page in front: TALK or TRANSCRIBE."""
        return TALK if self._pages.currentIndex() == TALK else TRANSCRIBE

    def come_to_front(self) -> None:
        """Be seen, as large as before, and have the keyboard."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def show_page(self, page: int) -> None:
        """Bring a page to the front; of the transcribe pages that of the queue."""
        self._show(page, "", self._talk_title if page == TALK else self.tr("Transcribe"))

    def show_transcript(self, key: str, title: str, about: str) -> None:
        """Bring the text of a recording to the front."""
        self._show(TRANSCRIBE, key, title, about)

    def _show(self, page: int, key: str, title: str, about: str = "") -> None:
        self.sidebar_place.close_panel()
        self.transcript_key = key
        if page != TALK:
            self.finder.end()
        had_keyboard = page != self.page and self._pages.isAncestorOf(self.focusWidget() or self)
        self._pages.setCurrentIndex(_TRANSCRIPT if key else page)
        if had_keyboard:
            self.go_home()
        self.sidebar.pages.choose(page)
        self.preset.setVisible(page == TALK)
        self.voice.setVisible(page == TALK)
        self.recordings.offer(queue=page == TRANSCRIBE and not key, transcript=bool(key))
        self.header.offer_state(page == TRANSCRIBE and not key)
        self.header.set_title(title, about)
        if key:
            self.go_home()
        self._name_side_column_act()
        self.page_changed.emit()

    def set_title(self, title: str) -> None:
        """Name the open conversation."""
        self._talk_title = title or self.tr("New conversation")
        if self.page == TALK:
            self.header.set_title(self._talk_title)

    def show_empty(self, empty: bool) -> None:
        """Show the welcome page, or the turns."""
        self.sidebar.new.setChecked(empty)
        wanted: QWidget = self.welcome if empty else self.conversation
        if wanted is not self._talk_stack.currentWidget():
            self.finder.end()
            had_keyboard = self._talk_stack.isAncestorOf(self.focusWidget() or self)
            self._talk_stack.setCurrentWidget(wanted)
            if had_keyboard:
                self.go_home()  # Qt would give it to the first button there

    @property
    def shows_welcome(self) -> bool:
        """Whether the welcome page is in front."""
        return self._talk_stack.currentWidget() is self.welcome

    def _find_here(self) -> None:
        """Find on the page, where that is possible; else in everything said."""
        if self.transcript_key:
            self.transcript.start_find()
        elif self.page == TALK and not self.shows_welcome:
            self.finder.start()
        else:
            self.start_search()

    def _go_to_hit(self, step: int) -> None:
        if self.transcript_key:
            self.transcript.go_to_hit(step)
        elif self.page == TALK and not self.shows_welcome:
            self.finder.go(step)

    def _make_room_for_lane(self) -> None:
        """What the lane says covers nothing of the newest turn."""
        lane = self.talk_bar.lane
        covered = 0 if lane.isHidden() else self._talk_stack.geometry().bottom() - lane.top
        self.conversation.set_room_below(covered + 2 * theme.GRID if covered else 0)

    def start_search(self) -> None:
        """Put the keyboard into the search field."""
        self.sidebar_place.show(True)
        self.sidebar.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.sidebar.search.selectAll()

    def go_home(self) -> None:
        """Give the keyboard to the page: there Space talks, and letters go to the message field."""
        talk = self.welcome if self.shows_welcome else self.conversation
        recordings = self.transcript if self.transcript_key else self.transcribe
        (talk if self.page == TALK else recordings).setFocus(Qt.FocusReason.OtherFocusReason)

    def _toggle_sidebar(self) -> None:
        self.sidebar_place.show(not self.sidebar_place.in_sight)

    def _toggle_side_column(self) -> None:
        self.recordings.side.click()
        self._name_side_column_act()

    def _name_side_column_act(self) -> None:
        self.menus.name_side_column_act(offered=bool(self.transcript_key), hides=self.transcript.side.isVisible())

    def _on_sidebar_moved(self) -> None:
        place = self.sidebar_place
        self.foot.setVisible(not place.beside_page)
        self.header.show_sidebar_button(not place.beside_page)
        self.menus.name_sidebar_act(hides=place.in_sight)
        for pill in (self.preset, self.voice):
            pill.set_short(self.width() < theme.NARROW_PX)

    def _choose_attachment(self) -> None:
        kinds = self.tr("Sound and video") + f" ({SOUND_FILES});;" + self.tr("All files") + " (*)"
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Ask about a recording"), documents_folder(), kinds)
        if path:
            self.files_dropped.emit([path], TALK)

    def choose_files(self) -> None:
        """Ask for recordings to transcribe."""
        kinds = self.tr("Sound and video") + f" ({SOUND_FILES});;" + self.tr("All files") + " (*)"
        paths, _ = QFileDialog.getOpenFileNames(self, self.tr("Transcribe files"), documents_folder(), kinds)
        if paths:
            self.files_dropped.emit(paths, TRANSCRIBE)

    def _play_instead(self) -> bool:
        """On the page of a transcript Space plays."""
        if self.transcript_key:
            self.transcript.toggle_wanted.emit()
        return bool(self.transcript_key)

    def saved_geometry(self) -> str:
        """Place and size of the window, to be given to `restore` next time."""
        return bytes(self.saveGeometry().toBase64().data()).decode("ascii")

    def restore(self, geometry: str) -> None:
        """Take the place and size of last time; a text that makes no sense changes nothing."""
        if geometry:
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode("ascii", "ignore")))

    def _on_full_screen(self) -> None:
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.go_home()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self.painted.emit)  # its parts are painted after it, before the next event

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._escape()
        elif not self.keyboard.take_press(event):
            super().keyPressEvent(event)

    @override
    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self.keyboard.take_release(event):
            super().keyReleaseEvent(event)

    def _escape(self) -> None:
        """Do the first that applies. Menus, tips and edits have taken their own Esc before."""
        field = self.talk_bar.field
        if self.sidebar_place.close_panel():
            self.go_home()
        elif self.busy:
            self.stop_requested.emit()
        elif field.hasFocus():
            self.go_home()
        elif self.page == TALK and self.talk_bar.notice:
            self.talk_bar.notice_dismissed.emit()
        else:
            self.go_home()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.sidebar_place.fit(event.size().width())

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_files(event.mimeData()):
            event.acceptProposedAction()
            ask = self.tr("Drop a recording to talk about it")
            self._overlay.appear(ask if self.page == TALK else self.tr("Drop recordings to turn them into text"))

    @override
    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._overlay.hide()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        self._overlay.hide()
        files = dropped_files(event.mimeData())
        if files:
            event.acceptProposedAction()
            self.files_dropped.emit(files, self.page)

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange and hasattr(self, "menus"):
            full = self.isFullScreen()
            self.menus.full_screen.setText(self.tr("Leave Full Screen") if full else self.tr("Enter Full Screen"))
        elif event.type() == QEvent.Type.ActivationChange and hasattr(self, "keyboard") and not self.isActiveWindow():
            self.keyboard.let_go()

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        self.closing.emit()
        super().closeEvent(event)
