"""The window's engine thread and its server, without the window, for `server_load`: a command a line, an answer a line.

`person` asks something as the person at the window does and says after how many seconds the answer is first heard;
`memory` says how many bytes this process holds; `end` ends it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication

from app.build import load_engine
from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import FIRST, URGENT, Request, Work
from app.engine_side.served import ServedHost
from app.engine_side.work import EngineWork
from engine.events import Speech, Turn
from engine.resources import resource
from engine.serving import Access, Server, Voices, routes_of
from engine.speaking.voice_library import VoiceLibrary

QUESTION = "What is twelve times seven?"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def main(token: str) -> None:
    """Load the starter, serve it, and do what is asked."""
    application = QCoreApplication([])
    with tempfile.TemporaryDirectory() as folder:
        voices = Path(folder) / "voices"
        thread = EngineThread(lambda: EngineWork(load_engine, voices, timers=lambda: None, confirm=lambda *_: False))
        host = ServedHost(thread)
        server = Server(routes_of(host, Voices(VoiceLibrary(voices))), Access(token))
        server.start()
        load = Request("load", lambda work, _: work.load(resource("starter")), FIRST, alone=True)
        thread.ended.connect(lambda request, error: _say(error or server.address) if request is load else None)
        thread.submit(load)
        listening = threading.Thread(target=_listen, args=(thread, application), daemon=True)
        listening.start()
        application.exec()
        server.stop()
        thread.end()
        thread.join(5)
    sys.stdout.flush()
    os._exit(0)  # MLX aborts a process that is taken apart after another thread has used it


def _listen(thread: EngineThread, application: QCoreApplication) -> None:
    for line in sys.stdin:
        if line.strip() == "person":
            thread.submit(Request("person", _asking(time.perf_counter()), URGENT))
        elif line.strip() == "memory":
            _say(int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES)
        else:
            break
    application.quit()


def _asking(asked_at: float) -> Work:
    """A spoken answer, of which is said how long the first sound took from `asked_at` on, waiting included."""

    def work(work: Any, request: Request) -> Iterator[None]:
        heard = False
        for event in work.model.engine.session().ask(Turn(text=QUESTION)):
            if isinstance(event, Speech) and not heard:
                heard = True
                _say(time.perf_counter() - asked_at)
            yield None

    return work


def _say(what: object) -> None:
    print(what, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
