"""Tools that somebody outside answers: the reply ends with their calls, and goes on once there are results."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from engine.conversation.remembering.records import Passage, TurnRecord
from engine.errors import RequestError
from engine.events import ToolCall, ToolResult
from engine.language import Vocabulary


def calling(
    vocabulary: Vocabulary, text: str, calls: Sequence[ToolCall], results: Sequence[ToolResult] = ()
) -> Passage:
    """A passage that says `text` and then calls tools, as the model would have written it."""
    ids = list(vocabulary.encode(text))
    begin, end = vocabulary.special("<tool_call>"), vocabulary.special("</tool_call>")
    for call in calls:
        arguments = json.dumps(call.arguments, ensure_ascii=False)
        ids += [begin, *vocabulary.encode(f"function\n{call.name}\n{arguments}"), end]
    return Passage(False, tuple(ids), text, tuple(calls), in_order(calls, results))


def with_results(record: TurnRecord, results: Sequence[ToolResult]) -> TurnRecord:
    """The record whose last passage has all results that it waits for. Raises RequestError when it has not, or waits
    for none.
    """
    if not record.passages or not record.passages[-1].calls:
        raise RequestError("This turn called no tool, so there is nothing to go on from.")
    last = record.passages[-1]
    known = in_order(last.calls, [*last.results, *results])
    if len(known) < len(last.calls):
        raise RequestError("The result of a tool is missing: give one for each call.")
    return dataclasses.replace(record, passages=(*record.passages[:-1], dataclasses.replace(last, results=known)))


def in_order(calls: Sequence[ToolCall], results: Sequence[ToolResult]) -> tuple[ToolResult, ...]:
    """Results of these calls, in the order of the calls; those of others are left out."""
    by_id = {result.id: result for result in results}
    return tuple(by_id[call.id] for call in calls if call.id in by_id)
