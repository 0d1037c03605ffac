"""Eight programs transcribe while one talks and a person asks at the window: does everybody get what they want in time?

    python -m tests.quality.server_load --minutes 20

Prints requests that failed; the talker's first sound alone (before and after) and under load, and their ratio; the same
for the person at the window; the memory of the server. It ends with 1 unless nothing failed, the talker's ratio is 1.5
at most, the person waits no longer than the talker, and memory did not grow by more than a twentieth after two minutes.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.quality.load_server import QUESTION

_TOKEN = "earshot-a-token-of-the-load-test"
_HEADERS = {"Authorization": f"Bearer {_TOKEN}"}
_GUARD_S = 120
_SENTENCES = (
    "The meeting begins at nine in the morning.",
    "Please bring the report and two copies of the budget.",
    "We have lunch at twelve and go home at five.",
)
_TURNS_A_CALL = 10  # of the talker, before it hangs up and calls again
_BETWEEN_TURNS_S = 1.0
_BETWEEN_QUESTIONS_S = 10.0
_MOST_RATIO, _MOST_GROWTH = 1.5, 1.05
_LOOKS_MIN = (2.0, 10.0, 20.0)


class Child:
    """The server's process."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.quality.load_server", _TOKEN]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lock = threading.Lock()
        self.address = self._line()

    def person_s(self) -> float:
        """Seconds until the person at the window hears the answer."""
        return float(self._asked("person"))

    def memory_mb(self) -> float:
        """What the process holds."""
        return int(self._asked("memory")) / 1e6

    def end(self) -> None:
        """End it."""
        self._process.communicate("end\n", timeout=30)

    def _asked(self, what: str) -> str:
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(f"{what}\n")
            self._process.stdin.flush()
            return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@dataclass
class Counted:
    """What happened to requests of one kind."""

    times_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def count(self, work: Callable[[], float]) -> None:
        """Do something and keep how long it took, or why it failed."""
        try:
            self.times_s.append(work())
        except Exception as error:
            self.failures.append(repr(error))

    def __str__(self) -> str:
        if len(self.times_s) < 2:
            return f"{len(self.times_s)} times"
        most = statistics.quantiles(self.times_s, n=20)[-1]
        return f"median {statistics.median(self.times_s):.3f} s, 95th of 100 {most:.3f} s, {len(self.times_s)} times"


class Talker:
    """Somebody who talks over the Realtime protocol, pushing a button."""

    def __init__(self, address: str, question: bytes) -> None:
        self._url = address.replace("http", "ws", 1) + "/v1/realtime?model=gpt-realtime"
        self._question = base64.b64encode(question).decode()
        self._call = ExitStack()
        self._line: ClientConnection | None = None
        self._turns = 0

    def turn(self) -> float:
        """Seconds from the end of a spoken question to the first sound of the answer, which is heard to its end."""
        line = self._connected()
        self._send(line, "input_audio_buffer.append", audio=self._question)
        self._send(line, "input_audio_buffer.commit")
        asked_at, heard_at = time.perf_counter(), 0.0
        self._send(line, "response.create")
        while (event := json.loads(line.recv(_GUARD_S)))["type"] != "response.done":
            if event["type"] == "error":
                raise RuntimeError(event["error"]["message"])
            if event["type"] == "response.output_audio.delta" and not heard_at:
                heard_at = time.perf_counter()
        if event["response"]["status"] != "completed" or not heard_at:
            raise RuntimeError(f"the answer is {event['response']['status']}")
        return heard_at - asked_at

    def hang_up(self) -> None:
        """Close the connection."""
        self._call.close()
        self._line = None

    def _connected(self) -> ClientConnection:
        self._turns += 1
        if self._turns % _TURNS_A_CALL == 0:
            self.hang_up()
        if self._line is None:
            line = connect(self._url, additional_headers=_HEADERS, proxy=None, max_size=None)
            self._line = self._call.enter_context(line)
            self._send(self._line, "session.update", session={"audio": {"input": {"turn_detection": None}}})
        return self._line

    @staticmethod
    def _send(line: ClientConnection, kind: str, **fields: object) -> None:
        line.send(json.dumps({"type": kind} | fields))


class Load:
    """The whole run."""

    def __init__(self, child: Child, clients: int, minutes: float, alone: int) -> None:
        self._child, self._clients, self._seconds, self._alone = child, clients, minutes * 60, alone
        self._http = httpx.Client(base_url=child.address, headers=_HEADERS, timeout=_GUARD_S, trust_env=False)
        self._recording = self._said(" ".join(_SENTENCES), "wav")
        self._talker = Talker(child.address, self._said(QUESTION, "pcm"))
        self._over = threading.Event()
        self.transcripts, self.talks, self.person = Counted(), Counted(), Counted()
        self.memory_mb: dict[float, float] = {}

    def alone(self) -> tuple[Counted, Counted]:
        """Talker and person with nobody else there."""
        talks, person = Counted(), Counted()
        for _ in range(self._alone):
            talks.count(self._talker.turn)
            person.count(self._child.person_s)
        return talks, person

    def together(self) -> None:
        """All at once, for as long as was asked."""
        work = [self._transcribe] * self._clients + [self._talk, self._ask, self._look]
        threads = [threading.Thread(target=each) for each in work]
        for thread in threads:
            thread.start()
        self._over.wait(self._seconds)
        self._over.set()
        for thread in threads:
            thread.join()

    def _said(self, text: str, form: str) -> bytes:
        body = {"model": "tts-1", "voice": "ada", "input": text, "response_format": form}
        return self._http.post("/v1/audio/speech", json=body).raise_for_status().content

    def _transcribe(self) -> None:
        while not self._over.is_set():
            self.transcripts.count(self._transcript_s)

    def _transcript_s(self) -> float:
        began = time.perf_counter()
        answer = self._http.post(
            "/v1/audio/transcriptions", files={"file": ("said.wav", self._recording)}, data={"model": "x"}
        )
        if "budget" not in answer.raise_for_status().json()["text"]:
            raise RuntimeError(f"another text: {answer.text}")
        return time.perf_counter() - began

    def _talk(self) -> None:
        while not self._over.wait(_BETWEEN_TURNS_S):
            self.talks.count(self._talker.turn)
        self._talker.hang_up()

    def _ask(self) -> None:
        while not self._over.wait(_BETWEEN_QUESTIONS_S):
            self.person.count(self._child.person_s)

    def _look(self) -> None:
        began = time.monotonic()
        looks = [minute for minute in _LOOKS_MIN if minute * 60 < self._seconds] + [self._seconds / 60]
        for minute in looks:
            self._over.wait(max(began + minute * 60 - 1 - time.monotonic(), 0))
            self.memory_mb[minute] = self._child.memory_mb()


def main() -> int:
    """Run it and print the figures; 1 when one of them is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0, help="under load (default: 20)")
    parser.add_argument("--clients", type=int, default=8, help="that transcribe (default: 8)")
    parser.add_argument("--alone", type=int, default=20, help="turns alone, before and after (default: 20)")
    args = parser.parse_args()
    child = Child()
    try:
        load = Load(child, args.clients, args.minutes, args.alone)
        load.alone()  # what is done for the first time is no measure
        before = load.alone()
        load.together()
        after = load.alone()
    finally:
        child.end()
    return _report(load, before, after)


def _report(load: Load, before: tuple[Counted, Counted], after: tuple[Counted, Counted]) -> int:
    failures = [*load.transcripts.failures, *load.talks.failures, *load.person.failures]
    ratios, waits = {}, {}
    for place, (who, under_load) in enumerate((("talker", load.talks), ("person at the window", load.person))):
        alone = [*before[place].times_s, *after[place].times_s]
        waits[who] = statistics.median(under_load.times_s)
        ratios[who] = waits[who] / statistics.median(alone)
        print(f"first sound, {who}, alone before:  {before[place]}")
        print(f"first sound, {who}, alone after:   {after[place]}")
        print(f"first sound, {who}, under load:    {under_load}; ratio {ratios[who]:.2f}")
    print(f"transcriptions:    {load.transcripts}")
    print(f"failed requests:   {len(failures)} {failures[:3] or ''}")
    print("memory:            " + ", ".join(f"{mb:.0f} MB after {at:g} min" for at, mb in load.memory_mb.items()))
    first, *_, last = [*load.memory_mb.values()] * 2
    first_come = waits["person at the window"] <= waits["talker"]
    good = not failures and ratios["talker"] <= _MOST_RATIO and first_come and last <= first * _MOST_GROWTH
    print("as it should be" if good else "NOT as it should be")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
