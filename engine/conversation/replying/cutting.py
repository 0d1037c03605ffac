"""What was not heard was not said: cuts a reply to the part of its sound that was played."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from engine.conversation.remembering.records import PASSAGE_BREAK, SpokenPiece, TurnRecord, speech_tokens_of
from engine.conversation.replying.reply_parser import Alphabet, AnswerPiece, ReplyParser
from engine.conversation.speaking_along.alignment import word_boundary
from engine.events import EndReason


def cut_to_heard(
    ids: Sequence[int], alphabet: Alphabet, characters: int, speech_tokens: int
) -> tuple[tuple[int, ...], str]:
    """The ids of a passage up to what was heard, and their text.

    Keeps the text ids that lie within the first `characters` characters of the passage's text, the first
    `speech_tokens` speech ids, and everything that belongs to tool calls (they were carried out, heard or not). Text
    runs ahead of speech in the stream, so both are cut on their own and the order of what stays is unchanged.
    """
    parser = ReplyParser(alphabet)
    kept: list[int] = []
    heard, text = 0, ""
    for id in ids:
        before, was_call = parser.position, parser.in_call
        pieces = parser.feed(id)
        if id in alphabet.speech:
            heard += 1
            keep = heard <= speech_tokens
        elif was_call or parser.in_call:
            keep = True
        elif alphabet.text_bytes(id) is None:
            keep = before < characters or heard <= speech_tokens
        else:
            keep = before < characters and parser.position <= characters
        if keep:
            kept.append(id)
            text += "".join(piece.text for piece in pieces if isinstance(piece, AnswerPiece))
    return tuple(kept), text


def heard_only(record: TurnRecord, alphabet: Alphabet, samples_24k: int, closing_id: int) -> TurnRecord:
    """The record cut to the first `samples_24k` samples of its speech; `closing_id` ends speech that was broken off.

    Text is cut at the last whole word that had been said. Passages nobody heard go, unless tools were called in them.
    """
    tokens, characters = heard_in(record.pieces, samples_24k)
    characters = word_boundary(record.answer, characters)
    passages, character, token = [], 0, 0
    for passage in record.passages:
        count = len(speech_tokens_of(passage.ids, record.speech))
        ids, text = cut_to_heard(passage.ids, alphabet, characters - character, tokens - token)
        if ids != passage.ids:
            ids = closed(ids, closing_id)
        if ids or passage.results:
            passages.append(dataclasses.replace(passage, ids=ids, text=text))
        character += len(passage.text) + len(PASSAGE_BREAK) if passage.text else 0
        token += count
    return dataclasses.replace(record, passages=tuple(passages), reason=EndReason.INTERRUPTED)


def as_remembered(record: TurnRecord, alphabet: Alphabet, closing_id: int) -> TurnRecord:
    """A spoken reply that did not come to its end as the history keeps it; any other as it is.

    Interrupted, it is cut to the sound handed out; ended for its length, its speech is closed.
    """
    if not record.request.spoken_answer or not record.passages:
        return record
    if record.reason is EndReason.INTERRUPTED:
        return heard_only(record, alphabet, sum(piece.samples for piece in record.pieces), closing_id)
    if record.reason is EndReason.LENGTH:
        last = record.passages[-1]
        last = dataclasses.replace(last, ids=closed(last.ids, closing_id))
        return dataclasses.replace(record, passages=(*record.passages[:-1], last))
    return record


def closed(ids: Sequence[int], closing_id: int) -> tuple[int, ...]:
    """Spoken ids with the mark that ends speech, unless there are none or it is there already."""
    return (*ids, closing_id) if ids and closing_id not in ids else tuple(ids)


def heard_in(pieces: Sequence[SpokenPiece], samples: int) -> tuple[int, int]:
    """Speech tokens and characters said within the first samples of the pieces, straight lines within each piece."""
    token = character = 0
    for piece in pieces:
        if samples < piece.samples:
            part = max(samples, 0) / piece.samples
            return token + int((piece.token - token) * part), character + int((piece.character - character) * part)
        samples, token, character = samples - piece.samples, piece.token, piece.character
    return token, character
