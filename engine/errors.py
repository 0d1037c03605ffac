"""Errors a person can cause, meet and act on. Anything else that is raised is a bug."""

from __future__ import annotations

from typing import Any


class Sentence(str):
    """Words for a person, in English. They know what they were made of, so that a window can say them in its language.

    `template` is a literal with named places, `arguments` is what stands there: names, paths, numbers, sentences.
    """

    template: str
    arguments: dict[str, Any]

    def __new__(cls, template: str, /, **arguments: Any) -> Sentence:
        made = super().__new__(cls, template.format(**arguments) if arguments else template)
        made.template, made.arguments = template, arguments
        return made

    @classmethod
    def sent(cls, template: str, arguments: dict[str, Any]) -> Sentence:
        """One that another Earshot made. Raises IndexError, KeyError or ValueError for parts that do not match."""
        return cls(template, **arguments)


class SentenceError(Exception):
    """An error that is told in words: `SentenceError("There is no voice {name}.", name="Ada")`."""

    def __init__(self, template: str, /, **arguments: Any) -> None:
        kept = isinstance(template, Sentence) and not arguments
        self.sentence = template if kept else Sentence(template, **arguments)
        super().__init__(str(self.sentence))


class EngineError(SentenceError):
    """A sentence for a person: it names the file or device, says what is wrong and what to do."""


class CheckpointError(EngineError):
    """A model folder cannot be used: something is missing, damaged, unknown or does not fit the memory."""


class SoundError(EngineError):
    """A sound file or recording cannot be used: not sound, empty, truncated, too short, silent."""


class NoSpeechError(SoundError):
    """A recording can be read, and nobody speaks in it."""


class VoiceError(EngineError):
    """A voice cannot be made, found, read or written."""


class StorageError(EngineError):
    """Something could not be written or read: full disk, missing permission. What was there before is untouched."""


class NewerFormatError(StorageError):
    """Something was written by a newer Earshot. It is left as it is."""


class RequestError(EngineError):
    """The request itself cannot be carried out by this model or with these options."""


class RemoteError(EngineError):
    """A model on another machine cannot be reached, refuses us, or was lost."""
