"""Scenes of the Talk page."""

from __future__ import annotations

import json
from dataclasses import replace

from PySide6.QtCore import QCoreApplication, QEvent, QLocale, QPointF
from PySide6.QtGui import QHoverEvent, QTextCursor

from app.shown.talk import Hearing, ToolState, ToolView, TurnState, TurnView, Welcome
from app.widgets.frame.window import Window
from app.widgets.talk.conversation_page import ConversationPage
from app.widgets.talk.talk_button import TalkLook
from app.widgets.talk.turn_actions import TurnAction
from engine.resources import resource
from tests.app.widgets.scenes.frame import conversations, dress, recordings, words
from tests.app.widgets.scenes.turns import CHINESE, FAILED, JOKE, LONG_WORDS, MILES, PACKING, PEAKS, RIDE, TRAIN


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
