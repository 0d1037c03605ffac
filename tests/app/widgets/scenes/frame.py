"""What every scene has around its page: sidebar, header, switches."""

from __future__ import annotations

import datetime as dt

from PySide6.QtCore import QCoreApplication, QLocale

from app.shown.talk import ConversationView
from app.shown.transcribe import RecordingView
from app.talk.choices import preset_views
from app.widgets.controls import theme
from app.widgets.frame.window import TALK, Window


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
