"""What a hub, a proxy or a line does on a bad day: each takes the place of one answer of `tests.hub`."""

from __future__ import annotations

import gzip

from tests.hub import Fault, Handler


def drop_at_once(hub: Handler, content: bytes, start: int) -> None:
    """The line ends before the answer."""
    hub.reset()


def drop_in_the_middle(hub: Handler, content: bytes, start: int) -> None:
    """The line ends at two thirds."""
    rest = content[start:]
    hub.answer(206 if start else 200, rest[: len(rest) * 2 // 3], _range(content, start), length=len(rest))


def drop_without_length(hub: Handler, content: bytes, start: int) -> None:
    """The answer ends at two thirds, having said no length."""
    rest = content[start:]
    hub.answer(206 if start else 200, rest[: len(rest) * 2 // 3], _range(content, start), length=-1)


def reset_in_the_middle(hub: Handler, content: bytes, start: int) -> None:
    """The line is reset at two thirds."""
    drop_in_the_middle(hub, content, start)
    hub.reset()


def wrong_range(hub: Handler, content: bytes, start: int) -> None:
    """The part begins a thousand bytes later than was asked for."""
    start += 1000
    hub.answer(206, content[start:], _range(content, start))


def earlier_range(hub: Handler, content: bytes, start: int) -> None:
    """The part begins a thousand bytes before what was asked for."""
    start = max(0, start - 1000)
    hub.answer(206, content[start:], {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"})


def unnamed_range(hub: Handler, content: bytes, start: int) -> None:
    """The part does not say which it is."""
    hub.answer(206 if start else 200, content[start:])


def range_of_another_size(hub: Handler, content: bytes, start: int) -> None:
    """The part is of a file of another length."""
    hub.answer(206, content[start:], {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content) + 5}"})


def no_ranges(hub: Handler, content: bytes, start: int) -> None:
    """Ranges are ignored."""
    hub.answer(200, content)


def other_bytes_in_range(hub: Handler, content: bytes, start: int) -> None:
    """The part is said to be the one asked for and is another."""
    hub.answer(206 if start else 200, content[: len(content) - start], _range(content, start))


def too_short(hub: Handler, content: bytes, start: int) -> None:
    """The file lacks its last bytes, and so says its length."""
    hub.answer(200, content[:-1])


def too_long(hub: Handler, content: bytes, start: int) -> None:
    """The file has more bytes than the list says."""
    hub.answer(200, content + b"more")


def endless(hub: Handler, content: bytes, start: int) -> None:
    """The body never ends."""
    hub.answer(200, content, length=-1)
    while not hub.hub.closing.is_set():
        hub.send(bytes(1 << 20))


def refuse_range(hub: Handler, content: bytes, start: int) -> None:
    """No range can be satisfied."""
    if start:
        hub.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
    else:
        hub.serve(content, start)


def status(code: int, **headers: str) -> Fault:
    """An answer of this status."""

    def fault(hub: Handler, content: bytes, start: int) -> None:
        hub.answer(code, b"<html>try later</html>", {name.replace("_", "-"): value for name, value in headers.items()})

    fault.__name__ = f"status_{code}"
    return fault


def web_page(hub: Handler, content: bytes, start: int) -> None:
    """A page to log in at, as hotels have it."""
    hub.answer(200, b"<html>Welcome! Please log in.</html>", {"Content-Type": "text/html"})


def to_itself(hub: Handler, content: bytes, start: int) -> None:
    """It leads to itself, for ever."""
    hub.answer(302, b"", {"Location": hub.path})


def to_nowhere(hub: Handler, content: bytes, start: int) -> None:
    """It leads to what is no web address."""
    hub.answer(302, b"", {"Location": "file:///etc/hosts"})


def to_itself_endlessly(hub: Handler, content: bytes, start: int) -> None:
    """It leads elsewhere, in a body without end."""
    hub.answer(302, b"", {"Location": hub.path}, length=-1)
    while not hub.hub.closing.is_set():
        hub.send(bytes(1 << 20))


def compressed(hub: Handler, content: bytes, start: int) -> None:
    """Compressed, though it was asked for as it is."""
    hub.answer(200, gzip.compress(content, 0), {"Content-Encoding": "gzip"})


def flipped_bit(hub: Handler, content: bytes, start: int) -> None:
    """One bit of the last byte is another."""
    hub.serve(content[:-1] + bytes([content[-1] ^ 1]), start)


def not_http(hub: Handler, content: bytes, start: int) -> None:
    """What answers does not speak HTTP."""
    hub.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")


def broken_chunks(hub: Handler, content: bytes, start: int) -> None:
    """The pieces of the body are not as long as they say."""
    hub.send_response(200)
    hub.send_header("Transfer-Encoding", "chunked")
    hub.end_headers()
    hub.wfile.write(b"zz\r\n" + content[:100])


def stall(hub: Handler, content: bytes, start: int) -> None:
    """Half of it, and then nothing."""
    rest = content[start:]
    hub.answer(206 if start else 200, rest[: len(rest) // 2], _range(content, start), length=len(rest))
    hub.wfile.flush()
    hub.hub.closing.wait(60)


def trickle(hub: Handler, content: bytes, start: int) -> None:
    """It comes in small pieces."""
    hub.answer(206 if start else 200, b"", _range(content, start), length=len(content) - start)
    for place in range(start, len(content), 9973):
        hub.wfile.write(content[place : place + 9973])


def _range(content: bytes, start: int) -> dict[str, str]:
    return {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
