"""Models on other machines: the same conversations, while reading and writing happen elsewhere."""

from engine.remote.address import Address, is_address
from engine.remote.connecting import AnyModel, connect

__all__ = ["Address", "AnyModel", "connect", "is_address"]
