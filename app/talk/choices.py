"""The presets and tools to choose from, in the interface's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QCoreApplication

from app.shown.choices import PresetView, ToolOffer
from app.translations import chosen_language
from engine.conversation.prompting.presets import Preset, offered, preset, presets


def preset_views(language: str, about: Mapping[str, Any] | None = None) -> tuple[PresetView, ...]:
    """All presets, or those that a model can do which says `about` of itself."""
    short = "zh" if chosen_language(language).startswith("zh") else "en"
    found = presets() if about is None else offered(about)
    return tuple(PresetView(each.id, each.name(short)) for each in found)


def preset_choices(name: str, own: Preset | None = None) -> dict[str, Any]:
    """What a built-in preset, or a person's `own`, sets: fields of the preferences. Raises RequestError for an unknown
    one.
    """
    if own is not None:  # it says nothing of thinking and speaking: they stay as they are
        return {"tools": own.tools} | ({"voice": own.voice} if own.voice else {})
    chosen = preset(name)
    return {"thinking": chosen.thinking, "spoken_answers": chosen.spoken_answer, "tools": chosen.tools}


def tool_offers() -> tuple[ToolOffer, ...]:
    """All tools the settings offer."""
    translate = QCoreApplication.translate
    return (
        ToolOffer("calculator", translate("Tools", "Calculator")),
        ToolOffer("date_and_time", translate("Tools", "Date and time")),
        ToolOffer("convert_units", translate("Tools", "Convert units")),
        ToolOffer("set_timer", translate("Tools", "Set a timer")),
        ToolOffer("list_timers", translate("Tools", "List timers")),
        ToolOffer("cancel_timer", translate("Tools", "Cancel a timer")),
        ToolOffer("web_search", translate("Tools", "Web search"), needs_network=True),
    )
