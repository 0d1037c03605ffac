"""The figures of whole requests as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from typing import Any

from tests.benchmarks.requests_timeline import in_words

_NAMES = {"cuda": "own kernels", "plain": "plain MLX", "cpu": "CPU"}
_COLUMNS = (
    ("whole", "whole_s", 2),
    ("made", "made_s", 2),
    ("heard", "heard_s", 2),
    ("to spare", "spare_s", 2),
    ("late pieces", "late_pieces", 0),
    ("pieces", "pieces", 0),
    ("sound", "sound_s", 1),
    ("ids/s", "ids_per_s", 0),
)


def markdown(found: dict[str, Any]) -> str:
    """A table for every way, medians of the rounds (the worst of them for what there is to spare and for late pieces);
    then ids a second, and what was left out.
    """
    about, machine = found["about"], found["machine"]
    device = machine.get("device_name") or machine.get("processor", "")
    lines = [
        f"{about['model']} on {device}, MLX {machine.get('mlx', '?')}; voice of {about['voice_tokens']} tokens, "
        f"{about['rounds']} rounds; seconds."
    ]
    for name, way in found["ways"].items():
        lines += ["", *_way(name, way)]
        for reply in way.get("timelines", ()):
            title = f"{name}, {reply['ids']} ids at turn {reply['turn']}, {reply['whole_s']:.3f} s with the watching:"
            lines += ["", title, "", "```", *in_words([tuple(moment) for moment in reply["moments"]]), "```"]
    if found["decode"]:
        lines += ["", "| writing alone | ids/s |", "|---|---|"]
        lines += [f"| {figure['name']} | {statistics.median(figure['values']):.0f} |" for figure in found["decode"]]
    if found["left_out"]:
        lines += ["", *(f"Left out: {name}: {reason}." for name, reason in found["left_out"].items())]
    return "\n".join(lines)


def _way(name: str, way: dict[str, Any]) -> Iterator[str]:
    backend, _, bits = name.partition("-")
    title = _NAMES.get(backend, backend) + (f", {bits} bits" if bits else "")
    yield (
        f"**{title}**: loaded in {way['load_s']:.1f} s, warmed up in {way['warm_up_s']:.1f} s, "
        f"{way['held_bytes'] / 1e9:.1f} GB held, {way['peak_bytes'] / 1e9:.1f} GB at the peak, "
        f"{way['traced_meanwhile']} traces anew"
    )
    yield ""
    yield "| ids | turn | " + " | ".join(title for title, _, _ in _COLUMNS) + " |"
    yield "|---" * (2 + len(_COLUMNS)) + "|"
    for reply in sorted(way["replies"], key=lambda reply: (reply["ids"], reply["turn"])):
        cells = (_cell(reply["rounds"], field, digits) for _, field, digits in _COLUMNS)
        yield f"| {reply['ids']} | {reply['turn']} | " + " | ".join(cells) + " |"
    if "transcribing" in way:
        beside = way["transcribing"]
        yield ""
        yield (
            f"Heard {_median(beside['alone_heard_s']):.2f} s after a question alone, "
            f"{_median(beside['beside_heard_s']):.2f} s (at most {max(beside['beside_heard_s']):.2f} s) while a "
            f"recording is transcribed, whose longest step took {beside['longest_step_s']:.2f} s"
        )


def _cell(rounds: list[dict[str, Any]], field: str, digits: int) -> str:
    values = [each[field] for each in rounds if each[field] is not None]
    if not values:
        return "—"
    value = {"spare_s": min, "late_pieces": max}.get(field, _median)(values)
    return f"{value:.{digits}f}"


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)
