"""Whether a text in Latin letters is in another language than English, by its commonest words."""

from __future__ import annotations

import re

# Common words of each language that are neither English words nor parts of names that English texts are full of.
_COMMON = tuple(
    frozenset(words.split())
    for words in (
        "und ist nicht ich ein eine wie auf mit sie wir es das dir mir guten geht heute bitte danke aber auch wo sind",
        "est une et vous je pas nous avec dans pour bonjour merci allez que qui sur il elle ce cette mais tres ca",
        "es una como esta estas que con muy hola gracias por para pero buenos dias yo donde hoy tiene quiero los",
        "che sono una non questo della ciao grazie buongiorno come stai sei oggi molto anche dove il voglio perche",
        "nao voce uma com obrigado bom dia como esta hoje muito onde eu tem quero mas isso que ola",
        "het een niet ik dat zijn hoe gaat je goede dank vandaag maar waar wij ook voor naar",
    )
)
_ENGLISH_COMMON = (
    "the a an and of to in is it you i that was for on are with as at be this have from or what my we your not do how "
    "can please me there will where when who say read tell about its"
)
_AT_LEAST, _SHARE = 2, 0.25


def looks_foreign(text: str) -> bool:
    """Whether the words, without accents, are those of another language. Few foreign words among English are not."""
    words = re.findall(r"[a-z]+", text.lower())
    english = sum(word in _ENGLISH_COMMON.split() for word in words)
    for common in _COMMON:
        found = [word for word in words if word in common]
        if len(set(found)) >= _AT_LEAST and len(found) >= _SHARE * len(words) and len(found) > english:
            return True
    return False
