"""Errors a person can cause, meet and act on. Anything else that is raised is a bug."""


class EngineError(Exception):
    """A sentence for a person: it names the file or device, says what is wrong and what to do. Shown as it is."""


class CheckpointError(EngineError):
    """A model folder cannot be used: something is missing, damaged, unknown or does not fit the memory."""


class SoundError(EngineError):
    """A sound file or recording cannot be used: not sound, empty, truncated, too short, silent."""


class VoiceError(EngineError):
    """A voice cannot be made, found, read or written."""


class StorageError(EngineError):
    """Something could not be written or read: full disk, missing permission. What was there before is untouched."""


class NewerFormatError(StorageError):
    """Something was written by a newer Earshot. It is left as it is."""


class RequestError(EngineError):
    """The request itself cannot be carried out by this model or with these options."""
