from __future__ import annotations

import json

import pytest

from engine.transcription.exports import to_json
from engine.transcription.languages import LANGUAGES
from engine.transcription.results import Options, Segment, Transcript
from engine.transcription.spoken_language import language_of

SAID = {
    "ar": "مرحبا بكم في هذا البرنامج",
    "de": "Das ist nicht der Zug, den wir nehmen wollten, und es regnet.",
    "en": "That is not the train we wanted to take, and it is raining.",
    "es": "Este no es el tren que queríamos tomar, y está lloviendo.",
    "fr": "Ce n'est pas le train que nous voulions prendre, et il pleut.",
    "hi": "यह वह गाड़ी नहीं है",
    "id": "Ini bukan kereta yang kita mau, dan di sini hujan.",
    "it": "Questo non è il treno che volevamo prendere, e piove.",
    "ja": "今日は電車で東京へ行きます。",
    "ko": "오늘은 기차를 탑니다.",
    "nl": "Dat is niet de trein die we wilden nemen, en het regent.",
    "pl": "To nie jest pociąg, na który czekamy, i pada deszcz.",
    "pt": "Este não é o trem que você queria, e está chovendo.",
    "ru": "Это не тот поезд, который нам нужен.",
    "th": "วันนี้เราไปโดยรถไฟ",
    "tr": "Bu bizim için çok önemli bir tren ve yağmur var.",
    "uk": "Це не той потяг, який нам потрібен, і йде дощ.",
    "vi": "Đây không phải là chuyến tàu của chúng tôi và trời đang mưa.",
    "zh": "今天我们坐火车去无锡。",
}


def test_every_language_is_told_by_a_sentence_of_it() -> None:
    assert {code: language_of(text) for code, text in SAID.items()} == {code: code for code in LANGUAGES}


@pytest.mark.parametrize("text", ["", "12:30", "…", "Hm."])
def test_what_tells_nothing_has_no_language(text: str) -> None:
    assert language_of(text) == ""


def test_the_language_that_was_found_out_is_in_the_data() -> None:
    segments = (Segment(0.0, 2.0, SAID["zh"]), Segment(2.0, 4.0, "Step-Audio 2"))
    assert json.loads(to_json(Transcript("a.wav", 4.0, segments)))["language"] == "zh"


def test_a_translation_does_not_tell_what_was_spoken() -> None:
    segments = (Segment(0.0, 2.0, SAID["en"]),)
    translated = Transcript("a.wav", 2.0, segments, options=Options(translate_to="en"))
    assert json.loads(to_json(translated))["language"] is None
