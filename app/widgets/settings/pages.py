"""The plain pages of the settings: sound, answers, tools, privacy, shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.shown.choices import Choice
from app.shown.settings import SettingsView, ToolSetting
from app.translations import LANGUAGES
from app.widgets.controls import theme
from app.widgets.controls.check_box import WORDS_LEFT, CheckBox
from app.widgets.controls.choice_box import ChoiceBox
from app.widgets.controls.labels import Label
from app.widgets.controls.number_box import NumberBox
from app.widgets.settings.form import SettingsPage
from app.widgets.settings.servers import ServerList

Change = Callable[[str, object], None]


class GeneralPage(SettingsPage):
    """The language, and how the window looks."""

    def __init__(self, change: Change) -> None:
        super().__init__(self.tr("General"))
        self._language = ChoiceBox(partial(change, "language"))
        hint = self.tr("Takes effect when Earshot opens next. It answers in the language you speak in any case.")
        self.row(self.tr("Language"), self._language, hint=hint)
        self._appearance = ChoiceBox(partial(change, "appearance"))
        self.row(self.tr("Appearance"), self._appearance)
        self._text_size = ChoiceBox(lambda value: change("text_size", float(value)))
        self.row(self.tr("Text size"), self._text_size)
        self._notifications = self.check(
            self.tr("Notify me when long work ends or a timer rings"),
            self.tr("Only while Earshot is not in front."),
            partial(change, "notifications"),
        )
        self._updates = self.check(
            self.tr("Say when there is a newer Earshot"),
            self.tr("Asks the place this copy came from, each time Earshot opens. Nothing else is sent."),
            partial(change, "look_for_updates"),
        )
        self.end()

    def show_settings(self, view: SettingsView) -> None:
        """Show these values; says nothing."""
        languages = [Choice("", self.tr("System default"))] + [Choice(key, words) for key, words in LANGUAGES.items()]
        self._language.show_choices(languages, view.language)
        looks = [
            Choice("", self.tr("System default")),
            Choice("light", self.tr("Light")),
            Choice("dark", self.tr("Dark")),
        ]
        self._appearance.show_choices(looks, view.appearance)
        words = (self.tr("Small"), self.tr("Standard"), self.tr("Large"), self.tr("Largest"))
        sizes = [Choice(str(size), word) for size, word in zip(theme.TEXT_SIZES, words, strict=True)]
        self._text_size.show_choices(sizes, str(view.text_size))
        with QSignalBlocker(self._notifications):
            self._notifications.setChecked(view.notifications)
        self.offer(self._updates, view.look_for_updates is not None)
        with QSignalBlocker(self._updates):
            self._updates.setChecked(bool(view.look_for_updates))


class SoundPage(SettingsPage):
    """Which devices, and how the microphone is kept."""

    def __init__(self, change: Change) -> None:
        super().__init__(self.tr("Sound"))
        self._input = ChoiceBox(partial(change, "input_device"))
        self._output = ChoiceBox(partial(change, "output_device"))
        self.row(self.tr("Microphone"), self._input)
        self.row(self.tr("Speakers"), self._output)
        self._warm = self.check(
            self.tr("Keep the microphone open while the window is in front"),
            self.tr("The first word is never lost. Nothing is kept until you talk."),
            partial(change, "keep_warm"),
        )
        self._pre_roll = NumberBox(0, 2000, 100, self.tr(" ms"), partial(change, "pre_roll_ms"))
        self.row(self.tr("Also keep what I say just before pressing"), self._pre_roll)
        self._built_in = self.check(
            self.tr("Prefer the Mac's own microphone with Bluetooth headphones"),
            self.tr("Using a headset's microphone makes its playback sound like a telephone."),
            partial(change, "prefer_built_in"),
        )
        self.end()

    def show_settings(self, view: SettingsView) -> None:
        """Show these values; says nothing."""
        default = Choice("", self.tr("System default"))
        self._input.show_choices((default, *view.inputs), view.input_device)
        self._output.show_choices((default, *view.outputs), view.output_device)
        self._pre_roll.show_number(view.pre_roll_ms)
        self._pre_roll.setEnabled(view.keep_warm)
        with QSignalBlocker(self._warm), QSignalBlocker(self._built_in):
            self._warm.setChecked(view.keep_warm)
            self._built_in.setChecked(view.prefer_built_in)


class AnswersPage(SettingsPage):
    """How long it may think before it speaks."""

    def __init__(self, change: Change) -> None:
        super().__init__(self.tr("Answers"))
        self._budget = NumberBox(64, 8192, 64, self.tr(" tokens"), partial(change, "thinking_budget"))
        hint = self.tr(
            "When the budget is used up, the model stops thinking and speaks. “Skip and speak now” does the same."
        )
        self.row(self.tr("Thinking budget"), self._budget, hint=hint)
        self.end()

    def show_settings(self, view: SettingsView) -> None:
        """Show these values; says nothing."""
        self._budget.show_number(view.thinking_budget)


class ToolsPage(SettingsPage):
    """Which tools the model may use."""

    def __init__(self, change: Change) -> None:
        super().__init__(self.tr("Tools"))
        self._change = change
        self.note(self.tr("The model may call the tools that are on. Each call is shown in the conversation."))
        self._rows: list[QWidget] = []
        self._names: tuple[str, ...] = ()
        self._boxes: dict[str, CheckBox] = {}
        self._asking: dict[str, CheckBox] = {}
        self._list = QVBoxLayout()
        self._list.setSpacing(self.column.spacing())
        self.column.addLayout(self._list)
        self.servers = ServerList()
        self.column.addSpacing(10)
        self.column.addWidget(self.servers)
        self.end()

    def show_settings(self, view: SettingsView) -> None:
        """Show these values; says nothing."""
        names = tuple(tool.name for tool in view.tools)
        if names != self._names:
            self._names = names
            self._build(view.tools)
        for tool in view.tools:
            with QSignalBlocker(self._boxes[tool.name]):
                self._boxes[tool.name].setChecked(tool.enabled)
            if asking := self._asking.get(tool.name):
                with QSignalBlocker(asking):
                    asking.setChecked(tool.asks)
                asking.setEnabled(tool.enabled)
        self.servers.show_servers(view.servers, view.server_trouble)

    def _build(self, tools: tuple[ToolSetting, ...]) -> None:
        for row in self._rows:
            self._list.removeWidget(row)
            row.deleteLater()
        self._rows, self._boxes, self._asking = [], {}, {}
        for number, tool in enumerate(tools):
            row = self._tool_row(tool)
            self._rows.append(row)
            self._list.addWidget(row)
            if number == 0:
                row.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def _tool_row(self, tool: ToolSetting) -> QWidget:
        row = QWidget()
        grid = QGridLayout(row)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        enabled = CheckBox(tool.words)
        enabled.setAccessibleName(self.tr("Offer the tool {name}").format(name=tool.words))
        enabled.toggled.connect(lambda on: self._change("tool_enabled", (tool.name, on)))
        self._boxes[tool.name] = enabled
        grid.addWidget(enabled, 0, 0)
        if tool.network:
            network = self.tr("Sends your question over the network; the line at the bottom left says so.")
            warning = Label(network, "trouble", size_px=theme.SMALL_PX, wrap=True)
            warning.setContentsMargins(WORDS_LEFT, 0, 0, 0)
            grid.addWidget(warning, 1, 0)
            grid.addLayout(self._ask_row(tool), 2, 0)
        return row

    def _ask_row(self, tool: ToolSetting) -> QHBoxLayout:
        asking = CheckBox(self.tr("Ask before each use"))
        asking.setAccessibleName(self.tr("Ask before each use of {name}").format(name=tool.words))
        asking.toggled.connect(lambda on: self._change("tool_asks", (tool.name, on)))
        self._asking[tool.name] = asking
        row = QHBoxLayout()
        row.setContentsMargins(WORDS_LEFT, 4, 0, 0)
        row.addWidget(asking)
        return row


class PrivacyPage(SettingsPage):
    """What is kept, and for how long."""

    def __init__(self, change: Change) -> None:
        super().__init__(self.tr("Privacy"))
        words = self.tr(
            "Nothing you say leaves this Mac unless you turn on a tool that needs the network or use the model of "
            "another machine."
        )
        self.note(words)
        self._retention = ChoiceBox(partial(change, "retention"))
        self.row(self.tr("Keep conversations"), self._retention)
        self._days = NumberBox(1, 3650, 1, self.tr(" days"), partial(change, "retention_days"))
        self.row(self.tr("Number of days"), self._days)
        self.end()

    def show_settings(self, view: SettingsView) -> None:
        """Show these values; says nothing."""
        choices = [
            Choice("all", self.tr("Forever")),
            Choice("days", self.tr("{days} days").format(days=view.retention_days)),
            Choice("none", self.tr("Never")),
        ]
        self._retention.show_choices(choices, view.retention)
        self._days.show_number(view.retention_days)
        self._days.setEnabled(view.retention == "days")
