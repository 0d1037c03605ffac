"""Tool servers: programs and addresses of the user's choice whose tools the model may use."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.shown.settings import ServerState, ServerTrouble, ServerView
from app.widgets.controls import theme
from app.widgets.controls.buttons import PillButton, TextButton, Tone
from app.widgets.controls.card import Card
from app.widgets.controls.check_box import CheckBox
from app.widgets.controls.fields import SheetField
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.settings.server_tools import ServerTools


class ServerRow(Card):
    """One server: how it stands, what it offers, and whether it asks."""

    removed = Signal(str)
    asks_changed = Signal(str, bool)
    permission_picked = Signal(str, str, str)  # line, tool, permission
    started_again = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._server_line = ""
        small = theme.SMALL_PX + 0.5
        self._title = ElidedLabel("", weight=600)
        self._state = Label("", "good", size_px=small)
        self._again = TextButton(self.tr("Start again"), size_px=small)
        self._again.clicked.connect(lambda: self.started_again.emit(self._server_line))
        self._remove = TextButton(self.tr("Remove"), Tone.SECOND, size_px=small)
        self._remove.clicked.connect(lambda: self.removed.emit(self._server_line))
        self._line = ElidedLabel("", "second", size_px=small)
        self._names = ElidedLabel("", "second", size_px=small)
        self.tools = ServerTools()
        self._unfold = TextButton("", Tone.SECOND, size_px=small)
        self._unfold.clicked.connect(lambda: self._show_tools(self.tools.isHidden()))
        self.tools.picked.connect(lambda tool, may: self.permission_picked.emit(self._server_line, tool, may))
        self._problem = Label("", "trouble", size_px=small, wrap=True)
        self._asks = CheckBox(self.tr("Ask before each use"))
        self._asks.toggled.connect(lambda on: self.asks_changed.emit(self._server_line, on))
        self._lay_out()
        self._show_tools(False)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self._title)
        top.addStretch(1000)
        for part in (self._state, self._again, self._remove):
            top.addWidget(part)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 12, 10)
        column.setSpacing(2)
        column.addLayout(top)
        for words in (self._line, self._names, self._problem):
            column.addWidget(words)
        column.addSpacing(4)
        last = QHBoxLayout()
        last.addWidget(self._asks)
        last.addStretch(1)
        last.addWidget(self._unfold)
        column.addLayout(last)
        column.addWidget(self.tools)

    def _show_tools(self, shown: bool) -> None:
        self.tools.setVisible(shown)
        self._names.setVisible(not shown and bool(self._names.text()))
        self._unfold.setText(self.tr("Hide Permissions") if shown else self.tr("Permissions…"))

    def show_server(self, server: ServerView) -> None:
        """Show this server; says nothing."""
        self._server_line = server.line
        title = server.title or server.shown_line
        self._title.setText(title)
        self.setAccessibleName(title)
        self._line.setText(server.shown_line)
        self._line.setVisible(server.shown_line != title)
        self._names.setText(", ".join(tool.name for tool in server.tools))
        self.tools.show_server(server)
        self._unfold.setVisible(bool(server.tools))
        self._unfold.setAccessibleName(self.tr("Permissions of {server}").format(server=title))
        self._show_tools(not self.tools.isHidden() and bool(server.tools))
        self._problem.setText(server.problem)
        self._problem.setVisible(bool(server.problem))
        self._show_state(server)
        self._again.setAccessibleName(self.tr("Start {server} again").format(server=title))
        self._remove.setAccessibleName(self.tr("Remove {server}").format(server=title))
        self._asks.setAccessibleName(self.tr("Ask before each use of {name}").format(name=title))
        with QSignalBlocker(self._asks):
            self._asks.setChecked(server.asks)

    def _show_state(self, server: ServerView) -> None:
        words = {
            ServerState.STARTING: self.tr("Starting…"),
            ServerState.RUNNING: self.tr("%n tool(s)", "", len(server.tools)),
            ServerState.STOPPED: "",
        }
        self._state.setText(words[server.state])
        self._state.set_tone("good" if server.state is ServerState.RUNNING else "second")
        self._state.setVisible(bool(words[server.state]))
        self._again.setVisible(server.state is ServerState.STOPPED)

    @property
    def words(self) -> str:
        """What the row says: its state, and what is wrong."""
        return " ".join(part for part in (self._state.text(), self._problem.text()) if part)


class ServerList(QWidget):
    """The servers, and a line to add one."""

    added = Signal(str)
    removed = Signal(str)
    asks_changed = Signal(str, bool)
    permission_picked = Signal(str, str, str)  # line, tool, permission
    started_again = Signal(str)
    file_allowed = Signal()
    trouble_dismissed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ServerRow] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self.field = SheetField(self.tr("Command, address, or JSON of another app (mcpServers)"))
        self.field.returnPressed.connect(self._on_add)
        self.field.textChanged.connect(self._refresh)
        self.add_button = PillButton(self.tr("Add"))
        self.add_button.setAccessibleName(self.tr("Add a tool server"))
        self.add_button.setFixedHeight(self.field.height())
        self.add_button.clicked.connect(self._on_add)
        self.trouble = TroubleRow()
        self.trouble.allow.clicked.connect(self.file_allowed)
        self.trouble.dismiss.clicked.connect(self.trouble_dismissed)
        self._lay_out()
        self._refresh()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.field, 1)
        row.addWidget(self.add_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(Label(self.tr("Tool servers"), "second", weight=600, size_px=theme.SMALL_PX))
        words = self.tr(
            "Programs or addresses that offer tools over the Model Context Protocol (MCP). A program may do whatever "
            "you may on this Mac, and reach the network: add only those you trust. They are not told your environment; "
            "write what one needs before its command, as in TOKEN=… or TOKEN=$TOKEN, or after its address, as in "
            "Authorization='Bearer …'. Secrets are kept in the keychain."
        )
        column.addWidget(Label(words, "second", size_px=theme.SMALL_PX + 0.5, wrap=True))
        column.addLayout(self._list)
        column.addLayout(row)
        column.addWidget(self.trouble)

    def show_servers(self, servers: tuple[ServerView, ...], trouble: ServerTrouble) -> None:
        """Show these servers and what was wrong with the last one; says nothing, and leaves what is being typed."""
        while len(self._rows) < len(servers):
            self._add_row()
        for number, row in enumerate(self._rows):
            row.setVisible(number < len(servers))
            if number < len(servers):
                row.show_server(servers[number])
        self.trouble.show_trouble(trouble)

    def _add_row(self) -> None:
        row = ServerRow()
        row.removed.connect(self.removed)
        row.asks_changed.connect(self.asks_changed)
        row.permission_picked.connect(self.permission_picked)
        row.started_again.connect(self.started_again)
        self._rows.append(row)
        self._list.addWidget(row)

    @property
    def rows(self) -> list[ServerRow]:
        """The rows that are shown."""
        return [row for row in self._rows if not row.isHidden()]

    def _refresh(self) -> None:
        self.add_button.setEnabled(bool(self.field.text().strip()))

    def _on_add(self) -> None:
        text = self.field.text().strip()
        if text:
            self.added.emit(text)


class TroubleRow(QWidget):
    """Why a server was not added, and what may be done about it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = Label("", "trouble", size_px=theme.SMALL_PX + 0.5, wrap=True)
        self.allow = TextButton(self.tr("Keep in a File"), size_px=theme.SMALL_PX + 0.5)
        self.dismiss = TextButton(self.tr("Cancel"), Tone.SECOND, size_px=theme.SMALL_PX + 0.5)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.words, 1)
        row.addWidget(self.allow)
        row.addWidget(self.dismiss)

    def show_trouble(self, trouble: ServerTrouble) -> None:
        """Show this one; nothing when there is none."""
        self.words.setText(trouble.words)
        for button in (self.allow, self.dismiss):
            button.setVisible(trouble.offers_file)
        self.setVisible(bool(trouble.words))
