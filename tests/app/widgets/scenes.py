"""Scripted states of the real window, for pictures and for tests of how it looks."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QLocale, QPointF
from PySide6.QtGui import QHoverEvent, QTextCursor

from app.shown.choices import Choice
from app.shown.models import DownloadState, DownloadView, EarView, MachineView, ModelView, SizeView, VoiceView
from app.shown.settings import Permission, ServerState, ServerTool, ServerView, SettingsView, ToolSetting
from app.shown.talk import ConversationView, Hearing, ToolState, ToolView, TurnState, TurnView, Welcome
from app.shown.transcribe import JobChoices, JobState, JobView, RecordingView, SegmentView
from app.talk.choices import preset_views
from app.widgets.controls import theme
from app.widgets.frame.window import TALK, TRANSCRIBE, Window
from app.widgets.talk.conversation_page import ConversationPage
from app.widgets.talk.talk_button import TalkLook
from app.widgets.talk.turn_actions import TurnAction
from engine.resources import resource

GB, MB = 10**9, 10**6


def speech(count: int) -> tuple[float, ...]:
    """How loud somebody talks: syllables in words, with pauses between some of them."""
    syllables = (abs(math.sin(n * 0.62)) ** 1.4 * (0.55 + 0.45 * math.sin(n * 0.17 + 1)) for n in range(count))
    pauses = (0.0 if math.sin(n * 0.23 + 2) > 0.93 else 1.0 for n in range(count))
    return tuple(0.07 + syllable * sounds for syllable, sounds in zip(syllables, pauses, strict=True))


PEAKS = speech(46)

TRAIN = TurnView(
    "1",
    TurnState.SPEAKING,
    "If I leave at a quarter past eight and the ride takes three hours and fifty minutes, when do I get there?",
    PEAKS,
    4.2,
    thinking="Departure 8:15. Three hours later it is 11:15, plus fifty minutes makes 12:05. "
    "No time zone was mentioned, so local time.",
    thinking_s=1.8,
    tools=(ToolView("calculator", "8:15 + 3:50", "12:05", ToolState.DONE),),
    answer="You would arrive at five past twelve, just in time for lunch. "
    "Shall I put a reminder on the packing list before you go?",
    spoken=(20, 36),
    has_sound=True,
    first_text_s=0.3,
    first_sound_s=0.6,
    real_time_factor=0.48,
)
PACKING = TurnView(
    "2",
    TurnState.DONE,
    "What should I pack?",
    answer="Three things matter:\n\n1. **Passport**, and a pen for the form\n2. Warm socks\n3. The charger\n\n"
    "Everything else can be bought [there](https://example.org).",
    has_sound=True,
    speed=1.25,
    first_text_s=0.2,
    first_sound_s=0.5,
    real_time_factor=0.51,
)
CHINESE = TurnView(
    "3",
    TurnState.INTERRUPTED,
    "荡口古镇的门票多少钱？",
    PEAKS[:30],
    2.6,
    tools=(ToolView("web_search", "荡口古镇 门票 2026", "The network cannot be reached.", ToolState.FAILED),),
    answer="荡口古镇本身不收门票，可以免费进去逛。里面有几处小景点需要单独买票，价格都不高，合起来大约六十元。",
    has_sound=True,
    first_text_s=0.4,
    first_sound_s=0.8,
    real_time_factor=0.62,
)
LONG_WORDS = TurnView(
    "4",
    TurnState.DONE,
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2,
    answer="`https://example.org/a/very/long/address/that/has/no/place/to/break/and/goes/on/and/on/and/on?x=1234567890`\n\n"
    "```python\ndef greet(name):\n    return f'Hello {name}'\n```\n\n| City | Arrival | Platform |\n|---|---|---|\n"
    "| Wuxi | 12:05 | 4 |\n| Suzhou | 12:31 | 2 |\n",
    tools=(
        ToolView("calculator", "1234567890123456789 * 98765432109876543210 + 1 - 1 + 1 - 1", "", ToolState.RUNNING),
    ),
)
FAILED = TurnView(
    "5",
    TurnState.FAILED,
    "",
    PEAKS,
    7.0,
    problem="The model ran out of memory. Your recording is kept; "
    "close other apps or choose a smaller model, then try again.",
)


MILES = TurnView(
    "6",
    TurnState.DONE,
    "How far is ten miles in kilometers?",
    tools=(ToolView("convert_units", "value: 10, from_unit: miles, to_unit: km", "10 mi = 16.09 km", ToolState.DONE),),
    answer="Ten miles is about sixteen kilometers, a brisk walk of three hours.",
    has_sound=True,
    first_text_s=0.3,
    first_sound_s=0.6,
    version=2,
    versions=3,
)
JOKE = TurnView(
    "7",
    TurnState.INTERRUPTED,
    "Set a timer for one minute and tell me a joke.",
    PEAKS,
    3.0,
    tools=(ToolView("set_timer", "1", "Timer 1 set for 1 minute; it rings at 10:52:00.", ToolState.DONE),),
    answer="Your timer is running. Why did the bicycle fall over? Because it",
    unspoken=" was two-tired.",
    has_sound=True,
)
RIDE = TurnView(
    "8",
    TurnState.SPEAKING,
    "When do I arrive if I leave at a quarter past eight?",
    PEAKS,
    4.0,
    thinking="Departure 8:15. Three hours later it is 11:15, plus fifty minutes makes 12:05.",
    thinking_s=1.8,
    answer="The ride takes three hours and fifty minutes, so you would arrive at five past twelve, "
    "just in time for lunch.",
    spoken=(69, 73),
    has_sound=True,
    first_text_s=0.3,
    first_sound_s=0.6,
)


def at(hour: int, minute: int, days_ago: int = 0) -> float:
    """A time of day as seconds since 1970."""
    day = dt.datetime.now() - dt.timedelta(days=days_ago)
    return day.replace(hour=hour, minute=minute).timestamp()


def words(context: str, text: str) -> str:
    """What a part of the window says, in the language of the picture."""
    return QCoreApplication.translate(context, text)


def conversations() -> list[ConversationView]:
    """Saved conversations of today, yesterday and before."""
    return [
        ConversationView("1", "Ten miles, a timer and a train", at(10, 51), 3),
        ConversationView("2", "Supper for four", at(10, 20), 5),
        ConversationView("5", "荡口古镇的门票", at(9, 15), 2),
        ConversationView("3", "How did I sound?", at(18, 3, 1), 4, "coach"),
        ConversationView("4", "Twelve times seven", at(17, 58, 1), 1),
        ConversationView("6", "Why the sea is salt", at(11, 12, 4), 4),
    ]


def dress(window: Window) -> None:
    """What every scene has: sidebar, menus, switches."""
    window.resize(*theme.WINDOW_SIZE)
    window.header.show_timer(None, "")
    window.sidebar.show_kind(recordings=False)
    window.sidebar.conversations.name_presets({each.key: each.name for each in preset_views(QLocale().name())[1:]})
    window.sidebar.show_entries(conversations(), "1")
    window.sidebar.status.show_status(
        "Step-Audio 2 mini · 4-bit", "7.6 of 24 GB · " + words("ListBinding", "nothing leaves this Mac")
    )
    presets = [(preset.key, preset.name) for preset in preset_views(QLocale().name())]
    window.preset.show_choices(presets, "assistant")
    window.voice.show_choices([("mei", "Mei"), ("", "No voice")], "mei", words("ListBinding", "Voice: {choice}"))
    window.talk_bar.set_switches(True, True, False)
    window.talk_bar.set_notice()
    window.talk_bar.field.clear()
    window.conversation.count_down(lambda tool: None)
    window.set_title("Ten miles, a timer and a train")
    window.toast.hide()
    window.show_page(TALK)
    window.go_home()


def _talk(window: Window, turns: list[TurnView], look: TalkLook, word: str, level: float = 0.0) -> None:
    dress(window)
    window.show_empty(not turns)
    window.conversation.set_turns(turns)
    window.talk_bar.set_state(look, word)
    window.talk_bar.button.jump_to_level(level)


def welcome(window: Window) -> None:
    """Nothing was said yet and the microphone was not asked for."""
    _talk(window, [], TalkLook.READY, words("TalkBinding", "Ready"))
    window.sidebar.show_entries([], "", empty=words("SidebarListBinding", "Conversations you keep appear here."))
    window.set_title("")
    _meet(window, Hearing.HEARD)
    for level in (0.72, 0.6):
        window.welcome.microphone.meter.set_level(level)


def _meet(window: Window, hearing: Hearing) -> None:
    chinese = QLocale().language() is QLocale.Language.Chinese
    about = json.loads(resource("starter", "config.json").read_text(encoding="utf-8"))["earshot"]
    can, cannot = (tuple(about[name + ("_zh" if chinese else "")]) for name in ("can", "cannot"))
    window.voice.show_choices([("ada", "Ada")], "ada", words("ListBinding", "Voice: {choice}"))
    window.sidebar.status.show_status(
        "Earshot starter", "0.4 of 24 GB · " + words("ListBinding", "nothing leaves this Mac")
    )
    card = window.welcome.microphone
    card.show_devices([("", "MacBook Pro Microphone")], "")
    window.welcome.model.show_offer(
        words("WelcomeBinding", "{model} fits as a 4-bit copy · {size}").format(model="Step-Audio 2 mini", size="18 GB")
    )
    window.welcome.show_welcome(
        Welcome(can=can, cannot=cannot, phrases=tuple(about["try"]), hearing=hearing, demonstration=True)
    )


def welcome_first(window: Window) -> None:
    """The very first start: the system has not been asked yet."""
    welcome(window)
    _meet(window, Hearing.UNASKED)


def welcome_denied(window: Window) -> None:
    """The microphone may not be used."""
    welcome(window)
    _meet(window, Hearing.DENIED)


def drawn(window: Window) -> None:
    """The picture of the second drawings: versions, a timer, an interruption, a notice, several lines typed."""
    _talk(window, [MILES, JOKE, RIDE], TalkLook.SPEAKING, words("TalkBinding", "Speaking"), 0.6)
    page = window.conversation
    page.count_down(lambda tool: 42 if tool.name == "set_timer" else None)
    page._on_act("8", TurnAction.FOLD, True)
    hover(page, 0)
    field = window.talk_bar.field
    field.setPlainText("Then put on the packing list:\nwarm socks, a charger")
    field.setFocus()
    field.moveCursor(QTextCursor.MoveOperation.End)
    said = words("LostDevices", "{name} disconnected. Listening with {other}.")
    window.talk_bar.set_notice(
        said.format(name="AirPods", other="MacBook Pro Microphone"), words("TalkBinding", "Change…"), icon="headphones"
    )


def hover(page: ConversationPage, number: int) -> None:
    """The mouse is over a turn."""
    turn = page.widget_of(number)
    assert turn is not None
    at = QPointF(20, 20)
    QCoreApplication.sendEvent(turn, QHoverEvent(QEvent.Type.HoverEnter, at, at, QPointF(-1, -1)))


def speaking(window: Window) -> None:
    """The picture of the design: thought, calculated, speaking."""
    _talk(window, [TRAIN], TalkLook.SPEAKING, words("TalkBinding", "Speaking"), 0.5)


def locked(window: Window) -> None:
    """The user is talking after a tap."""
    listening(window)
    window.talk_bar.set_state(TalkLook.LOCKED, words("TalkBinding", "Listening · locked"))


def narrow(window: Window) -> None:
    """A small window: the sidebar is away, a timer stands in the header."""
    soup = "A leek and potato soup: one kilo of potatoes, three leeks, a liter of stock. "
    soup += "Forty minutes, and most of it is waiting."
    cook = TurnView("1", TurnState.DONE, "What can I cook for four with leeks and potatoes?", PEAKS, 4.0, answer=soup)
    oil = "Leave out the cream and finish it with olive oil. Nobody will miss it."
    dairy = TurnView("2", TurnState.DONE, "And if one of them eats no dairy?", PEAKS[:34], 2.0, answer=oil)
    _talk(window, [cook, replace(dairy, has_sound=True)], TalkLook.READY, words("TalkBinding", "Ready"))
    window.resize(640, 560)
    window.set_title("Supper for four")
    window.sidebar.conversations.mark("2")
    window.header.show_timer(42, "")


def thinking(window: Window) -> None:
    """It is thinking aloud and can be cut short."""
    live = replace(TRAIN, state=TurnState.THINKING, tools=(), answer="", has_sound=False, first_text_s=None)
    live = replace(live, first_sound_s=None, real_time_factor=None, spoken=None)
    _talk(window, [PACKING, live], TalkLook.THINKING, words("TalkBinding", "Thinking"))


def listening(window: Window) -> None:
    """The user is talking."""
    recording = TurnView("9", TurnState.LISTENING, "", PEAKS, 6.0)
    cut = replace(JOKE, tools=())
    _talk(
        window,
        [replace(MILES, version=1, versions=1), cut, recording],
        TalkLook.LISTENING,
        words("TalkBinding", "Listening"),
        0.8,
    )


def mixed(window: Window) -> None:
    """Chinese, Markdown, an interruption, an error."""
    done = replace(TRAIN, state=TurnState.DONE, spoken=None)
    _talk(window, [done, PACKING, CHINESE, FAILED], TalkLook.TROUBLE, words("TalkBinding", "Stopped"))
    window.talk_bar.set_notice(
        "The microphone gives no sound.", words("TalkBinding", "Open privacy settings"), trouble=True
    )


def versions(window: Window) -> None:
    """A turn in its second version of three; what follows it is another conversation in each."""
    miles = ToolView("units", "10 miles", "16.09 km", ToolState.DONE)
    second = replace(PACKING, version=2, versions=3, tools=(miles,), text="How far is ten miles in kilometers?")
    second = replace(second, answer="Ten miles is about sixteen kilometers, a brisk walk of three hours.")
    done = replace(TRAIN, state=TurnState.DONE, spoken=None, key="7")
    _talk(window, [second, done], TalkLook.READY, words("TalkBinding", "Ready"))


def removed(window: Window) -> None:
    """A turn was removed a moment ago."""
    versions(window)
    window.toast.tell(words("Sentences", "Removed the turn"))


def removed_recording(window: Window) -> None:
    """A recording with a long name was removed."""
    transcribe(window)
    name = "minutes of the meeting of the fourteen…"
    window.toast.tell(words("Sentences", "Removed “{name}”").format(name=name))


def asking(window: Window) -> None:
    """A tool has to be allowed."""
    title = words("Tools", "Web search")
    asked = ToolView("web_search", "荡口古镇 门票 2026 opening hours and the way there", "", ToolState.ASKING, title)
    waiting = replace(CHINESE, state=TurnState.WAITING, tools=(asked,), answer="", has_sound=False, first_text_s=None)
    waiting = replace(waiting, first_sound_s=None, real_time_factor=None)
    _talk(window, [PACKING, waiting], TalkLook.THINKING, words("TalkBinding", "Thinking"))


def long_words(window: Window) -> None:
    """Words that do not fit, tables and code."""
    _talk(window, [LONG_WORDS], TalkLook.OPENING, words("TalkBinding", "Starting…"))
    window.set_title("A conversation whose name is far too long for the bar it has to fit in, whatever its width " * 2)


def search(window: Window) -> None:
    """Something was searched for."""
    speaking(window)
    found = [
        replace(conversations()[0], snippet="…when does the \x02train\x03 arrive if I leave at a quarter past eight…"),
        replace(conversations()[2], snippet="去\x02荡口古镇\x03的火车几点开，门票多少钱"),
    ]
    window.sidebar.show_entries(
        [*found, replace(recordings()[0], snippet="…the \x02train\x03 to the meeting was late…")], "1", "train"
    )


def recordings() -> list[RecordingView]:
    """What was transcribed, or will be."""
    return [
        RecordingView("board", "Board meeting, 12 March", at(14, 2), "52 min · 3 speakers"),
        RecordingView("tides", "Lecture on tides", at(13, 40), "1 h 52 min · 38 %"),
        RecordingView("town", "荡口古镇口述", at(13, 30), "24 min · waiting"),
        RecordingView("memo", "Voice memo 31", at(9, 5, 1), "3 min · 1 speaker"),
        RecordingView("street", "Street corner, evening", at(8, 12, 1), "11 min · sounds"),
        RecordingView("choir", "Choir rehearsal", at(20, 0, 12), "1 h 20 min · 2 speakers"),
    ]


A, B, MARA = "Speaker 1", "Speaker 2", "Speaker 3"
SAID = (
    (724, A, "So that leaves the reading room. The new windows come to forty-one thousand, six more than the budget we "
     "agreed on in January."),
    (739, MARA, "Could we do the north side this year and the rest next year? The repair budget starts again in "
     "September."),
    (751, B, "I would rather not split it. The scaffolding alone is nine thousand, and we would pay for it twice."),
    (764, A, "Fair point. Then the question is where the six thousand come from."),
    (772, MARA, "The summer festival stayed under budget. There are four thousand left, and nobody has "
     "plans for them."),
    (787, B, "That would do. I can ask for a discount if we order before the end of the month."),
    (800, A, "Good. Mara, would you write that up, and we vote on it next week?"),
)  # fmt: skip
MEETING = tuple(SegmentView(start, start + 7, text, speaker) for start, speaker, text in SAID)
BOARD = JobView(
    "board", "Board meeting, 12 March.m4a", JobState.DONE, 3134, 1.0, segments=MEETING, language="en",
    names=((A, "Speaker A"), (MARA, "Mara"), (B, "Speaker B")),
)  # fmt: skip


def _recording_page(window: Window) -> None:
    dress(window)
    window.show_page(TRANSCRIBE)
    window.sidebar.show_kind(recordings=True)


def transcribe(window: Window) -> None:
    """The queue: one under way, one waiting, two done, two with a sentence why not."""
    _recording_page(window)
    window.sidebar.show_entries(recordings(), "")
    window.sidebar.queue.show_queue(2, in_front=True)
    said = (
        SegmentView(
            0,
            6,
            "So, twice a day the water goes, and twice a day the whole bay empties as if someone had pulled a plug",
        ),
    )
    memo = (SegmentView(0, 180, "word " * 412),)
    jobs = [
        replace(BOARD, key="6", name="Board meeting, 12 March.m4a"),
        JobView("5", "Voice memo 31.m4a", JobState.DONE, 180, 1.0, segments=memo),
        JobView("4", "tape-4.wav", JobState.DONE, 2400, 1.0, segments=memo,
                problem=words("Scenes", "The file ends early: 12 of 40 minutes could be read. Their text is kept.")),
        JobView("3", "notes.pages", JobState.FAILED,
                problem=words("Scenes", "This is not a recording. Earshot opens sound and video.")),
        JobView("2", "荡口古镇口述.m4a", JobState.WAITING, 1440, choices=JobChoices("zh", "en")),
        JobView("1", "Lecture on tides.mp4", JobState.RUNNING, 6720, 0.38, 360, segments=said, language="en",
                choices=JobChoices(speakers=0)),
    ]  # fmt: skip
    window.transcribe.show_models([("", "Step-Audio 2 mini · 4-bit"), ("/models/starter", "Earshot starter")])
    window.transcribe.show_new_choices(JobChoices(speakers=0))
    window.transcribe.show_jobs(jobs)
    window.toast.tell(words("Sentences", "Removed “{name}”").format(name="interview.wav"))


def transcribe_empty(window: Window) -> None:
    """Nothing was transcribed yet."""
    _recording_page(window)
    window.sidebar.show_entries([], "", empty=words("SidebarListBinding", "Recordings you transcribe appear here."))
    window.sidebar.queue.show_queue(0, in_front=True)
    window.transcribe.show_jobs([])


def transcript(window: Window) -> None:
    """One recording: played, searched, and one of its segments being edited."""
    _recording_page(window)
    window.sidebar.show_entries(recordings(), "board")
    window.sidebar.queue.show_queue(2, in_front=False)
    page = window.transcript
    page.show_waveform(3134, speech(1000))
    whole = _spread(MEETING)
    page.show_job(replace(BOARD, segments=tuple(whole)))
    page.side.show_summary(
        "- The windows of the reading room cost 41,000: six over budget.\n"
        "- Doing it in two parts pays for the scaffolding twice.\n"
        "- 4,000 are left from the festival; a discount may cover the rest.\n"
        + words("Scenes", "To do")
        + "\n- Mara writes the proposal 13:20\n- B asks for the discount 13:07",
        busy=False,
    )
    window.show_transcript("board", "Board meeting, 12 March", "52 min · English")
    page.show_player(739.5, 3134, playing=True)
    page.player.speed.show_choices(page.player.speed.choices, 1.25)
    page.find_field.setText("budget")
    first = whole.index(MEETING[0])
    page.segments.edit_row(first + 2)
    bar = page.segments.verticalScrollBar()
    for _ in range(3):  # those in sight are measured only then
        bar.setValue(bar.value() + page.segments.visualRect(page.segments.model().index(first, 0)).top())


def _spread(segments: tuple[SegmentView, ...]) -> list[SegmentView]:
    """With more said before and later, so that the ribbon and the marks of what was found tell something."""
    return [
        *_talk_between(0, 720, (A, B, A, MARA, B, A), (3,)),
        *segments,
        *_talk_between(830, 3130, (A, B, A, MARA, A, B, A, MARA), (2, 4, 6)),
    ]


def _talk_between(start: float, end: float, speakers: tuple[str, ...], hits: tuple[int, ...]) -> list[SegmentView]:
    step = (end - start) / len(speakers)
    return [
        SegmentView(
            start + n * step, start + (n + 0.97) * step, "About the budget." if n in hits else "And so on.", speaker
        )
        for n, speaker in enumerate(speakers)
    ]


SCENES: dict[str, Callable[[Window], None]] = {
    "welcome": welcome,
    "welcome-first": welcome_first,
    "welcome-denied": welcome_denied,
    "drawn": drawn,
    "listening": listening,
    "locked": locked,
    "narrow": narrow,
    "thinking": thinking,
    "speaking": speaking,
    "asking": asking,
    "versions": versions,
    "removed": removed,
    "removed-recording": removed_recording,
    "mixed": mixed,
    "long-words": long_words,
    "search": search,
    "transcribe": transcribe,
    "transcribe-empty": transcribe_empty,
    "transcript": transcript,
}

SIZES = (SizeView(16, int(18.9 * GB), 18 * GB), SizeView(4, int(7.6 * GB), int(6.9 * GB)))

SETTINGS = SettingsView(
    inputs=(Choice("mac", "MacBook Pro Microphone"), Choice("airpods", "AirPods Pro")),
    outputs=(Choice("speakers", "MacBook Pro Speakers"), Choice("airpods", "AirPods Pro")),
    tools=(
        ToolSetting("calculator", "Works out sums exactly.", True),
        ToolSetting("clock", "Knows the date and the time.", True),
        ToolSetting("web_search", "Looks things up on the web.", True, True, True),
    ),
    servers=(
        ServerView(
            "npx -y @modelcontextprotocol/server-filesystem '/Users/me/Documents/Notes and letters'",
            "npx -y @modelcontextprotocol/server-filesystem '/Users/me/Documents/Notes and letters'",
            "secure-filesystem-server",
            ServerState.RUNNING,
            (
                *(ServerTool(name, Permission.ALWAYS) for name in ("read_file", "list_directory", "search_files")),
                *(ServerTool(name) for name in ("get_file_info", "directory_tree")),
                ServerTool("move_file", Permission.NEVER),
            ),
        ),
        ServerView("calendar", "uvx calendar-server", "calendar-server", ServerState.STARTING, asks=False),
        ServerView(
            "weather",
            "weather-server --city Wuxi",
            "weather-server",
            ServerState.STOPPED,
            problem="It quit by itself.",
        ),
    ),
    machine=MachineView("Apple M4 Pro", 24 * GB, int(17.2 * GB), int(7.6 * GB), int(5.9 * GB), 212 * GB),
    models=(
        ModelView(
            "mini-4",
            "Step-Audio 2 mini",
            "4-bit copy",
            int(6.9 * GB),
            int(7.6 * GB),
            int(17.2 * GB),
            current=True,
            removable=True,
            ear=EarView(True, True, 100, 97, "en", 1.6, "2026-11-30", "0.2.0"),
        ),
        ModelView(
            "starter",
            "Earshot starter",
            "demonstration, comes with the app",
            45 * MB,
            120 * MB,
            int(17.2 * GB),
        ),
    ),
    downloads=(
        DownloadView(
            "Step-Audio-2-mini-Think",
            DownloadState.RUNNING,
            int(7.2 * GB),
            18 * GB,
            42e6,
            sizes=SIZES,
            bits=4,
            usable=int(17.2 * GB),
        ),
        DownloadView("Step-Audio-2-mini-Base", total=18 * GB, sizes=SIZES, bits=16, usable=int(17.2 * GB)),
    ),
    models_folder=str(Path.home() / "Library" / "Application Support" / "Earshot" / "Models"),
    voices=(VoiceView("mei", "Mei", True), VoiceView("anna", "Anna")),
    voice="mei",
)
