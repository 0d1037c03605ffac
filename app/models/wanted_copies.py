"""Which downloads become smaller copies once they are here. It survives a quit: the copy is made at the next start."""

from __future__ import annotations

from dataclasses import dataclass

from app.settings import Settings


@dataclass(frozen=True)
class WantedCopy:
    """The width of its weights, and whether the original stays beside it."""

    bits: int
    keep_original: bool = False


class WantedCopies:
    """Kept in the settings, by the name of the published model."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def of(self, name: str) -> WantedCopy | None:
        """What is to become of a model; None when it stays as published."""
        return self._all().get(name)

    def want(self, name: str, copy: WantedCopy | None) -> None:
        """Remember it; None forgets it."""
        wanted = self._all()
        wanted.pop(name, None)
        if copy is not None:
            wanted[name] = copy
        entries = (f"{each} {copy.bits}{' keep' * copy.keep_original}" for each, copy in wanted.items())
        self._settings.change(wanted_copies=tuple(entries))

    def _all(self) -> dict[str, WantedCopy]:
        found = {}
        for entry in self._settings.now.wanted_copies:
            name, bits, *rest = [*entry.split(), "", ""][:3]
            if name and bits.isdecimal():
                found[name] = WantedCopy(int(bits), rest == ["keep"])
        return found
