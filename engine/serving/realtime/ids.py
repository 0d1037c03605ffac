"""Names of events, items, responses and calls, which no two of them share."""

from __future__ import annotations

from uuid import uuid4


def new_id(kind: str) -> str:
    """A new id such as item_0f3c…, at most 32 characters as OpenAI's."""
    return f"{kind}_{uuid4().hex[: 31 - len(kind)]}"
