"""Uses the built app as a person would: python -m tests.frozen dist/Earshot/Earshot

It runs with PATH and PYTHONPATH empty and a home folder that only the app's own folders may be written in. Somebody
asks a question aloud, hands over a recording, drops another one, and quits; then the same program is the command line.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.settings import Settings
from engine.samples import read
from tests.app.virtual_sound import RATE_HZ, VirtualSound
from tests.frozen.dragging import TITLE
from tests.frozen.keyboard import CONTROL, SPACE, Keyboard, Q, screen

EXAMPLES = Path(__file__).parents[2] / "resources" / "examples"
OURS = (".local/share/Earshot", ".local/state/Earshot", ".cache/Earshot")
_PATIENCE_S = 90.0
# Only what is bound again can be written below the home folder, also by root.
_READ_ONLY = (
    'mount --bind "$HOME" "$HOME" && mount -o remount,bind,ro "$HOME" && '
    'for each in {ours}; do mount --bind "$FOLDERS/$each" "$HOME/$each" || exit 1; done; '
    'unset FOLDERS; export PATH=; exec "$@"'
)


class Frozen:
    """The program, its home folder and everything it can reach."""

    def __init__(self, program: Path, folder: Path, display: str, sound: VirtualSound) -> None:
        self.display = display
        self._program, self.home, self._folders = program.resolve(), folder / "home", folder / "folders"
        for each in OURS:
            (self.home / each).mkdir(parents=True)
            (self._folders / each).mkdir(parents=True)
        self.data = self._folders / OURS[0]
        Settings(self.data / "settings.json").change(microphone_explained=True, microphone_heard=True, language="en")
        told = {"HOME": str(self.home), "PATH": "", "PYTHONPATH": "", "LANG": "C.UTF-8", "DISPLAY": display}
        self._environment = told | sound.environment

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """Start it. Raises SystemExit for anybody but root."""
        if os.geteuid() != 0:
            raise SystemExit("Run this as root: only then the home folder can be made read-only.")
        script = _READ_ONLY.format(ours=" ".join(OURS))
        command = ["unshare", "--mount", "sh", "-c", script, "sh", str(self._program), *arguments]
        environment = self._environment | {"PATH": os.defpath, "FOLDERS": str(self._folders)}
        return subprocess.Popen(command, env=environment, text=True, cwd="/", **options)  # type: ignore[call-overload]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Start it and wait for its end."""
        process = self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=_PATIENCE_S * 2)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def turns(self) -> list[dict[str, object]]:
        """What stands in the database of conversations."""
        store = self.data / "conversations.sqlite"
        if not store.exists():
            return []
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=20) as db:
            return [json.loads(content) for (content,) in db.execute("SELECT content FROM turns ORDER BY number")]

    def transcribed(self) -> str:
        """The queue of recordings with what became of them."""
        queue = self.data / "transcriptions" / "queue.json"
        return queue.read_text(encoding="utf-8") if queue.exists() else ""


def wait_for(what: str, happened: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Raises RuntimeError when it does not happen, or when the program ends meanwhile."""
    began = time.monotonic()
    while not happened():
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"the program ended with {process.returncode} before {what}")
        if time.monotonic() - began > _PATIENCE_S:
            raise RuntimeError(f"after {_PATIENCE_S:.0f} s there is still not {what}")
        time.sleep(0.1)
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)


def converse(app: Frozen, keyboard: Keyboard, sound: VirtualSound, process: subprocess.Popen[str]) -> None:
    """Hold Space, ask a question aloud, and hear an answer."""
    question = read(EXAMPLES / "1-twelve-times-seven.flac", 16_000)

    def answered() -> bool:
        return any(turn.get("answer") and turn.get("sound") for turn in app.turns())

    with sound.recording() as heard:
        for _ in range(5):  # until the model is loaded, a question may be refused
            keyboard.focus("Earshot")
            keyboard.press(SPACE)
            time.sleep(0.4)  # as people begin to speak after the key
            sound.say(question, 16_000).wait(_PATIENCE_S)
            keyboard.release(SPACE)
            ends = time.monotonic() + 15
            while not app.turns() and time.monotonic() < ends:
                time.sleep(0.1)
            if app.turns():
                break
        wait_for("a spoken answer", answered, process)
        wait_for("its sound", lambda: float(np.abs(heard.samples()[-RATE_HZ:]).max(initial=0)) < 1e-3, process)
        loud = float(np.abs(heard.samples()).max())
    if loud < 0.01:
        raise RuntimeError(f"the loudspeaker stayed silent: {loud:.4f}")
    print(f"answered: {next(turn['answer'] for turn in app.turns() if turn.get('answer'))!r}", flush=True)


def hand_over(app: Frozen, process: subprocess.Popen[str]) -> None:
    """Name a recording at a second start, as the Dock does: the first one takes it."""
    handed = app.run(str(EXAMPLES / "2-color-of-the-sky.flac"))
    if handed.returncode:
        raise RuntimeError(f"a second start ended with {handed.returncode}")
    wait_for("a transcript", lambda: "is the sky" in app.transcribed().lower(), process)


def drop(app: Frozen, keyboard: Keyboard, process: subprocess.Popen[str]) -> None:
    """Drag a recording out of another program's window and drop it on Earshot's."""
    environment = os.environ | {"DISPLAY": app.display, "QT_QPA_PLATFORM": "xcb"}
    path = app.home.with_name("dropped.flac")  # a name without the words that are said in it
    shutil.copy(EXAMPLES / "1-twelve-times-seven.flac", path)
    files = subprocess.Popen([sys.executable, "-m", "tests.frozen.dragging", str(path)], env=environment)
    try:
        keyboard.drag(TITLE, "Earshot")
        wait_for("the transcript of what was dropped", lambda: "twelve" in app.transcribed().lower(), process)
    finally:
        files.terminate()
        files.wait(20)


def serve(app: Frozen) -> None:
    """Let other programs use the model, and ask as one of them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def answers() -> bool:
        try:
            token = (app.data / "server-token").read_text(encoding="utf-8").strip()
            asked = urllib.request.Request(f"http://127.0.0.1:{port}/health")
            asked.add_header("Authorization", f"Bearer {token}")
            with urllib.request.urlopen(asked, timeout=5) as answer:
                return json.load(answer) == {"status": "ok"}
        except OSError:
            return False

    process = app.start("--cli", "serve", "--port", str(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("an answer of the server", answers, process)
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


def main() -> int:
    """Run everything; returns the exit code."""
    with tempfile.TemporaryDirectory() as folder, screen() as display:
        sound_folder = Path(folder) / "sound"
        sound_folder.mkdir()
        sound = VirtualSound(sound_folder)
        sound.start()
        try:
            use(Frozen(Path(sys.argv[1]), Path(folder), display, sound), Keyboard(display), sound)
        finally:
            sound.stop()
    print("The built app works.")
    return 0


def use(app: Frozen, keyboard: Keyboard, sound: VirtualSound) -> None:
    """What a person does with it. Raises RuntimeError for what does not work."""
    tested = app.run("--self-test")
    print(tested.stdout)
    if tested.returncode:
        raise RuntimeError(f"the self-test failed: {tested.stderr}")
    process = app.start()
    try:
        converse(app, keyboard, sound, process)
        hand_over(app, process)
        drop(app, keyboard, process)
        keyboard.focus("Earshot")
        keyboard.press(CONTROL, Q)
        keyboard.release(Q, CONTROL)
        if code := process.wait(_PATIENCE_S):
            raise RuntimeError(f"it quit with {code}")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait(20)
    command = app.run("--cli", "transcribe", str(EXAMPLES / "1-twelve-times-seven.flac"))
    if "seven" not in command.stdout.lower():
        raise RuntimeError(f"the command line says {command.stdout!r}, {command.stderr!r}")
    serve(app)
    left = [path for path in app.home.rglob("*") if path.is_file()]
    if left:
        raise RuntimeError(f"it wrote outside its own folders: {left}")


if __name__ == "__main__":
    sys.exit(main())
