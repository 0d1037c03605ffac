"""The languages that can be named on the command line and in the app, by their ISO 639-1 codes."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import RequestError


@dataclass(frozen=True)
class Language:
    """A language as the prompts name it, in English and in Chinese."""

    code: str
    english: str
    chinese: str


LANGUAGES = {
    language.code: language
    for language in (
        Language("ar", "Arabic", "阿拉伯语"),
        Language("de", "German", "德语"),
        Language("en", "English", "英文"),
        Language("es", "Spanish", "西班牙语"),
        Language("fr", "French", "法语"),
        Language("hi", "Hindi", "印地语"),
        Language("id", "Indonesian", "印尼语"),
        Language("it", "Italian", "意大利语"),
        Language("ja", "Japanese", "日文"),
        Language("ko", "Korean", "韩文"),
        Language("nl", "Dutch", "荷兰语"),
        Language("pl", "Polish", "波兰语"),
        Language("pt", "Portuguese", "葡萄牙语"),
        Language("ru", "Russian", "俄语"),
        Language("th", "Thai", "泰语"),
        Language("tr", "Turkish", "土耳其语"),
        Language("uk", "Ukrainian", "乌克兰语"),
        Language("vi", "Vietnamese", "越南语"),
        Language("zh", "Chinese", "中文"),
    )
}


def language(name: str) -> Language:
    """The language of a code ("en", "zh-CN") or an English name, in any case. Raises RequestError for others."""
    wanted = name.strip().lower()
    for known in LANGUAGES.values():
        if wanted in (known.english.lower(), known.chinese) or wanted.replace("_", "-").split("-")[0] == known.code:
            return known
    raise RequestError(f"Earshot does not know the language {name!r}: choose one of {', '.join(LANGUAGES)}.")
