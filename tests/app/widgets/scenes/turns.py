"""Turns that scenes and tests show."""

from __future__ import annotations

import math

from app.shown.talk import ToolState, ToolView, TurnState, TurnView


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
