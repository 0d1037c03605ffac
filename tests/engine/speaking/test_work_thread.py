"""The thread that speech is made on outlives whoever does not wait for it."""

from __future__ import annotations

import threading

from engine.speaking.work_thread import WorkThread


def test_work_that_nobody_waits_for_any_more_leaves_the_thread_alive() -> None:
    thread, begun, gate = WorkThread("test"), threading.Event(), threading.Event()

    def held() -> None:
        begun.set()
        gate.wait(30)

    running = thread.submit(held)
    assert begun.wait(30)
    waiting = thread.submit(lambda: None)
    assert not running.cancel(), "what is under way cannot be cancelled"
    assert waiting.cancel()
    gate.set()
    assert thread.submit(lambda: 7).result(30) == 7
    thread.close()
