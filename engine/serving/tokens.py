"""The token with which other programs show that they may connect."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from engine.errors import RequestError
from engine.storage import make_private_folder, replacing, storage_error

_USABLE = re.compile(r"[!-~]{16,512}")


def new_token() -> str:
    """A token that nobody guesses."""
    return f"earshot-{secrets.token_urlsafe(24)}"


def kept_token(file: Path) -> str:
    """The token in a file; one is made and kept there, for its owner alone, where there is no such file.

    Raises StorageError, and RequestError when the file holds something else.
    """
    try:
        token = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return renewed_token(file)
    except UnicodeDecodeError:
        token = ""
    except OSError as error:
        raise storage_error(file, error) from error
    if not _USABLE.fullmatch(token):
        raise RequestError(
            "{file} holds no token: a token has 16 to 512 characters and no spaces. Remove the file to have one made.",
            file=file,
        )
    return token


def renewed_token(file: Path) -> str:
    """Another token, kept instead of the one before. Raises StorageError."""
    token = new_token()
    make_private_folder(file.parent)
    with replacing(file, private=True) as written:
        written.write(f"{token}\n".encode())
    return token
