"""English text as the symbols that Kokoro reads, made by espeak-ng's library."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
from pathlib import Path

_IPA, _TIED = 0x02, 0x80
_UTF8 = 1
_PAUSE = re.compile(r"([.,!?;:]+)")
# The letter, which would be read as the article: "seven A M", "B A C".
_LETTER_A = re.compile(r"(?<![\w'])A(?= [A-Z](?![\w']))|(?<=(?<![\w'])[A-Z] )A(?![\w'])")
_SHARED = (
    *(("a^ɪ", "I"), ("a^ʊ", "W"), ("e^ɪ", "A"), ("ɔ^ɪ", "Y"), ("t^ʃ", "ʧ"), ("d^ʒ", "ʤ"), ("ə^l", "ᵊl")),
    *(("ɚ", "əɹ"), ("r", "ɹ"), ("x", "k"), ("ç", "k"), ("ɐ", "ə"), ("ɬ", "l"), ("ʲ", "")),
)
_AMERICAN = (("o^ʊ", "O"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ː", ""), ("ɾ", "T"), ("ʔ", "t"))
_BRITISH = (("e^ə", "ɛː"), ("iə", "ɪə"), ("ə^ʊ", "Q"), ("ɾ", "t"), ("ʔ", "t"))
_LAST = (("e", "A"), ("o", "ɔ"), ("^", ""), ("\u0329", ""), ("\u0303", ""))


class Phonemes:
    """Writes texts in phonemes; one object a process, since the library has one voice at a time."""

    def __init__(self, data: Path | None = None) -> None:
        """`data` is the folder that holds espeak-ng-data. Raises OSError when the library is not there."""
        self._espeak = ctypes.CDLL(ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1")
        self._espeak.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._espeak.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]
        where = str(data).encode() if data else None
        if self._espeak.espeak_Initialize(1, 0, where, 0) < 0:
            raise OSError("espeak-ng's data was not found")
        self._voice = b""

    def __call__(self, text: str, british: bool = False) -> str:
        """The phonemes with their stress, and commas and stops. Raises OSError when the accent is missing."""
        joined = self.ipa(text, british)
        for old, new in (*_SHARED, *(_BRITISH if british else _AMERICAN), *_LAST):
            joined = joined.replace(old, new)
        return joined

    def ipa(self, text: str, british: bool = False) -> str:
        """The same as espeak-ng writes it, with ^ between the two signs of one sound."""
        voice = b"en-gb-x-rp" if british else b"en-us"
        if voice != self._voice:
            if self._espeak.espeak_SetVoiceByName(voice) != 0:
                raise OSError(f"espeak-ng has no voice {voice.decode()}")
            self._voice = voice
        pieces = _PAUSE.split(_LETTER_A.sub("eigh", text))
        said = [self._clause(piece) if place % 2 == 0 else piece[-1] + " " for place, piece in enumerate(pieces)]
        return "".join(said).strip()

    def _clause(self, text: str) -> str:
        if not text.strip():
            return ""
        raw = ctypes.create_string_buffer(text.strip().encode())
        place = ctypes.c_void_p(ctypes.addressof(raw))
        found = []
        while place.value:
            made = self._espeak.espeak_TextToPhonemes(ctypes.byref(place), _UTF8, _IPA | _TIED | ord("^") << 8)
            found.append((made or b"").decode().strip())
        return " ".join(found)
