"""Reads and writes on a vLLM server: a prompt goes there as messages, ids come back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing
from typing import Any, Protocol

from engine.conversation.prompting.reading import Readable
from engine.errors import RemoteError
from engine.language import Sampling, Vocabulary
from engine.remote.vllm.answers import IdsOfText, Piece
from engine.remote.vllm.prompts import messages_of
from engine.remote.vllm.server import Answer, VllmServer
from engine.remote.vllm.sound import ReceivedSound

_SPEAKING_STAGE = {"temperature": 0.0, "max_tokens": 1, "detokenize": False}


class Served(Protocol):
    """The model that a server has."""

    name: str
    vocabulary: Vocabulary
    server: VllmServer

    @property
    def modalities(self) -> tuple[str, ...]:
        """What its answers consist of, in their order."""

    def begin_sound(self) -> ReceivedSound | None:
        """Where the sound of a new answer goes, None where it is made here."""


class VllmReader:
    """A `PromptReader` on a vLLM server."""

    reused = 0  # what the server read before is not known
    reads_ahead = False

    def __init__(self, served: Served) -> None:
        self._served = served

    def read(self, readable: Readable) -> bool:
        """See `PromptReader`. Nothing is read ahead."""
        return False

    def forget(self) -> None:
        """See `PromptReader`. Every request is whole."""

    def prefers(
        self, readable: Readable, id: int, other: int | None, cancelled: Callable[[], bool] = lambda: False
    ) -> bool:
        """See `PromptReader`. Raises RemoteError."""
        asked = messages_of(readable, self._served.vocabulary).request_within_header()
        stage = self._stage(Sampling(), (), 1)
        if other is not None:
            stage["allowed_token_ids"] = [id, other]
        with closing(self._ids(asked, stage, readable, (), 1, cancelled)) as ids:
            return next((found == id for found in ids if found is not None), False)

    def write(
        self,
        readable: Readable,
        *,
        sampling: Sampling,
        end_ids: Collection[int],
        max_tokens: int,
        penalise_prompt: bool = True,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[int]:
        """See `PromptReader`; the server's penalty counts the prompt's ids always. Raises RemoteError."""
        written = self.written_and_waits(
            readable, sampling=sampling, end_ids=end_ids, max_tokens=max_tokens, cancelled=cancelled
        )
        with closing(written) as ids:
            for id in ids:
                if id is not None:
                    yield id

    def written_and_waits(
        self,
        readable: Readable,
        *,
        sampling: Sampling,
        end_ids: Collection[int],
        max_tokens: int,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Generator[int | None]:
        """`write`, and None while nothing comes. The answer ends with its end id, whatever the server still does: the
        one that makes sound may wait forever for sound that an answer of text does not have.
        """
        stage = self._stage(sampling, end_ids, max_tokens)
        asked = messages_of(readable, self._served.vocabulary).request()
        yield from self._ids(asked, stage, readable, end_ids, max_tokens, cancelled)

    def _stage(self, sampling: Sampling, end_ids: Collection[int], max_tokens: int) -> dict[str, Any]:
        """How the first stage, the language model, chooses ids. `kinds` are unknown there."""
        stage = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k or -1,
            "min_p": sampling.min_p,
            "repetition_penalty": sampling.repetition_penalty,
            "max_tokens": max_tokens,
            "stop_token_ids": sorted(end_ids),
            "include_stop_str_in_output": True,
            "detokenize": True,
            "skip_special_tokens": False,
            "spaces_between_special_tokens": False,
        }
        return stage if sampling.seed is None else {**stage, "seed": sampling.seed}

    def _ids(
        self,
        asked: dict[str, Any],
        stage: dict[str, Any],
        readable: Readable,
        end_ids: Collection[int],
        max_tokens: int,
        cancelled: Callable[[], bool],
    ) -> Generator[int | None]:
        """Ids as they come, and None while nothing does. Once all are there nothing more is received, but for sound
        that is still being made of the speech among them.
        """
        vocabulary = self._served.vocabulary
        sound = self._served.begin_sound() if readable.prompt.ids[-1] == vocabulary.tts_start else None
        if sound is not None:
            sound.unwanted = cancelled
        answer = self._served.server.answer(self._request(asked, stage), sound)
        written, ended = 0, False
        try:
            for id in self._received(answer, readable, cancelled):
                if id is not None:
                    written += 1
                    ended = id in end_ids or written == max_tokens
                    if sound is not None and id in vocabulary.speech:
                        sound.tokens.append(id - vocabulary.speech.start)
                yield id
                if ended:
                    return
        finally:
            if not (ended and sound is not None and sound.tokens):
                answer.close()

    def _received(self, answer: Answer, readable: Readable, cancelled: Callable[[], bool]) -> Iterator[int | None]:
        text = IdsOfText(self._served.vocabulary)
        for piece in answer.pieces(cancelled):
            if piece is None:
                yield None
                continue
            self._check_template(piece, readable)
            yield from piece.ids if piece.ids is not None else text.feed(piece.text)
        yield from text.finish()

    def _request(self, asked: dict[str, Any], stage: dict[str, Any]) -> dict[str, Any]:
        """Both stages are asked for their part, also where only text is wanted: a server whose second stage is left out
        can get stuck.
        """
        spoken = "audio" in self._served.modalities
        return {
            "model": self._served.name,
            "stream": True,
            "modalities": list(self._served.modalities),
            **({"audio": {"format": "pcm16"}} if spoken else {}),
            "return_token_ids": True,
            "sampling_params_list": [stage, _SPEAKING_STAGE] if spoken else [stage],
            **asked,
        }

    def _check_template(self, piece: Piece, readable: Readable) -> None:
        """Raises RemoteError for a server that reads another prompt than this one."""
        if piece.prompt_ids is None:
            return
        mark = self._served.vocabulary.bot
        if piece.prompt_ids.count(mark) != readable.prompt.ids.count(mark):
            raise RemoteError(
                "{place} was started with another chat template than Step-Audio 2's: start it with --chat-template and "
                "Earshot's step_audio_2.jinja.",
                place=self._served.server.place,
            )
