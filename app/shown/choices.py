"""What a person can choose from: entries of menus, presets, devices, tools, speeds."""

from __future__ import annotations

from dataclasses import dataclass

SPEEDS = (0.8, 1.0, 1.25, 1.5, 1.75, 2.0)  # at which a recording can be played


@dataclass(frozen=True)
class Choice:
    """One entry of a menu: the value it stands for and its words."""

    value: str
    words: str


@dataclass(frozen=True)
class PresetView:
    """A preset of the menu."""

    key: str
    name: str


@dataclass(frozen=True)
class OwnPresetView:
    """A preset that a person makes: who answers, in which voice ("" keeps the one in use), with which tools."""

    key: str = ""  # of one that is kept
    name: str = ""
    persona: str = ""
    voice: str = ""
    tools: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeviceView:
    """A sound device."""

    key: str
    name: str


@dataclass(frozen=True)
class ToolOffer:
    """A tool that can be offered to the model."""

    name: str
    title: str
    needs_network: bool = False
