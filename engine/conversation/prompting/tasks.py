"""The prompts of the single tasks: transcribe, translate, read aloud; and what the model is told for others."""

from __future__ import annotations

from collections.abc import Sequence

from engine.conversation.prompting.chat_template import (
    SPOKEN,
    Message,
    Part,
    Prompt,
    SoundPart,
    Variant,
    build,
)
from engine.language import Vocabulary

TRANSCRIBE = "请记录下你所听到的语音内容。"
READ_TRANSCRIPT = (
    "You read the transcript of a recording. Each line begins with its time. Answer only from the transcript, "
    "in the language of the transcript, briefly, and give the time of what you refer to as it stands there."
)
SUMMARISE_TRANSCRIPT = (
    "Summarise the recording in three to five short lines, each beginning with a dash. If tasks were given, add the "
    "line “To do”, and under it a line for each that begins with a dash and says who does what, with its time."
)
NOTE_TRANSCRIPT = "Note the important facts, decisions and tasks of this part in short lines, each with its time."
DESCRIBE = "Please briefly explain the important events involved in this audio clip."
ASK_ABOUT_SOUND = (
    "You are an expert in audio analysis, please analyze the audio content and answer the questions accurately."
)
HELPFUL = "You are a helpful assistant."
READ_ALOUD = "Read this paragraph at a natural pace."
READ_ALOUD_CHINESE = "以自然的语速读出下面的文字。"


def transcribe_prompt(vocabulary: Vocabulary, patches: Sequence[int], variant: Variant = Variant.CHAT) -> Prompt:
    """Transcribe a sound with `patches` embeddings in each window."""
    return _task(vocabulary, TRANSCRIBE, [SoundPart(tuple(patches))], "", variant)


def translate_prompt(
    vocabulary: Vocabulary,
    patches: Sequence[int],
    language: str,
    *,
    spoken: bool = False,
    variant: Variant = Variant.CHAT,
) -> Prompt:
    """Translate a sound into `language` (its English name), as text or as speech."""
    return _task(
        vocabulary,
        translate_instruction(language, spoken=spoken),
        [SoundPart(tuple(patches))],
        SPOKEN if spoken else "",
        variant,
    )


def translate_instruction(language: str, *, spoken: bool = False) -> str:
    """What the system message says: in Chinese when the target is Chinese, else in English."""
    if language == "Chinese":
        return f"请仔细聆听这段语音，然后将其内容翻译成中文{'并用语音播报' if spoken else ''}。"
    target = f"{language} speech" if spoken else language
    return f"Please listen carefully to this audio and then translate its content into {target}."


def read_aloud_prompt(vocabulary: Vocabulary, text: str, variant: Variant = Variant.CHAT) -> Prompt:
    """Say `text` as it stands; the instruction is Chinese for a text with Chinese characters."""
    instruction = READ_ALOUD_CHINESE if any("一" <= letter <= "鿿" for letter in text) else READ_ALOUD
    if variant == Variant.BASE:
        return _task(vocabulary, instruction + "\n", text, SPOKEN, variant)
    return _task(vocabulary, instruction, text, SPOKEN, variant)


def _task(
    vocabulary: Vocabulary, instruction: str, content: str | Sequence[Part], opening: str, variant: Variant
) -> Prompt:
    messages = [Message("system", instruction), Message("human", content)]
    return build(vocabulary, messages, opening, variant)
