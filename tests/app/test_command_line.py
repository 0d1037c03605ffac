"""`earshot` with this machine's sound: what is said leaves the loudspeaker, what is spoken is heard."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from app import command_line
from app.audio import devices
from app.audio.devices import DeviceError, PortAudio
from app.talk.store import Store
from app.talk.stored_turn import StoredTurn
from engine.commands.sound_door import SoundDoor
from engine.errors import StorageError
from engine.events import new_turn_id
from engine.samples import resample
from tests.app.listening import find
from tests.app.virtual_sound import RATE_HZ, VirtualSound
from tests.sounds import babble, tone

_HANGS_S = 60.0
_FAITHFUL_DB = 15
_TRIES = 4  # a busy machine may hold up one of them, not all
PROMPT = b"\x1b[?2004h"  # a line editor asks for pasted text to be marked whenever it begins


@pytest.fixture
def sound() -> SoundDoor:
    return command_line.SystemSound()


@pytest.mark.sound
def test_what_is_played_is_heard_to_its_last_sample(
    sound: SoundDoor, sound_card: VirtualSound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "LATENCY_S", 0.3)  # a busy machine is forgiven
    speech_24k = resample(babble(2.0, seed=2), 16_000, 24_000)
    for _ in range(_TRIES):
        with sound_card.recording() as recording:
            sound.play(np.array_split(speech_24k, 5))
        found = find(speech_24k, 24_000, recording.samples(), RATE_HZ)
        if found.blocks_db.min() > _FAITHFUL_DB:
            break
    assert found.blocks_db.min() > _FAITHFUL_DB


@pytest.mark.sound
def test_what_is_spoken_while_it_waits_is_recorded(sound: SoundDoor, sound_card: VirtualSound) -> None:
    heard = sound.listen(lambda: sound_card.say(tone(2.0, 48_000, 700.0), 48_000).wait(_HANGS_S) and None)
    spectrum = np.abs(np.fft.rfft(heard))
    assert len(heard) > 1.5 * 16_000
    assert np.fft.rfftfreq(len(heard), 1 / 16_000)[spectrum.argmax()] == pytest.approx(700, abs=5)


def test_a_machine_without_devices_says_so(sound: SoundDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PortAudio, "outputs", lambda self: [])
    monkeypatch.setattr(PortAudio, "inputs", lambda self: [])
    with pytest.raises(DeviceError, match="no loudspeaker: plug one in, or write the speech into a file"):
        sound.play([])
    with pytest.raises(DeviceError, match="no microphone"):
        sound.listen(lambda: None)


def test_help_loads_neither_qt_nor_a_sound_library() -> None:
    program = (
        "import sys; from app import command_line\n"
        "try: command_line.main(['--help'])\n"
        "finally: print([m for m in ('numpy', 'PySide6', 'sounddevice', 'mlx', 'prompt_toolkit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.endswith("[]\n")


@pytest.mark.slow
def test_a_conversation_at_a_terminal_has_history_and_help(tiny_model: Path, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    environment = os.environ | {"EARSHOT_MODEL": str(tiny_model), "HOME": str(tmp_path), "TERM": "xterm"}
    environment["PROMPT_TOOLKIT_NO_CPR"] = "1"  # nobody answers where the cursor is
    command = [sys.executable, "-m", "app.command_line", "chat", "--max-tokens", "3", "-q"]
    chat = subprocess.Popen(command, stdin=slave, stdout=subprocess.PIPE, stderr=slave, env=environment)
    os.close(slave)
    shown = b""
    for keys in (b"/help\r", b"hello\r", b"\x1b[A\r", b"\x04"):
        shown += _read_until(master, PROMPT)
        os.write(master, keys)
    out, _ = chat.communicate(timeout=_HANGS_S)
    os.close(master)
    assert chat.returncode == 0, shown
    assert b"/listen" in shown
    assert out.count(b"tokens/s") == 2


def _read_until(terminal: int, wanted: bytes) -> bytes:
    """What a terminal shows up to some words."""
    shown, until = b"", time.monotonic() + _HANGS_S
    while wanted not in shown:
        assert time.monotonic() < until, shown
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 4096)
    return shown


def test_programs_are_shown_the_words_around_what_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_HOME", str(tmp_path))
    assert command_line.search_history("oslo") == []
    store = Store(tmp_path / "conversations.sqlite", tmp_path / "recordings")
    key = store.create("assistant").key
    store.add(StoredTurn(new_turn_id(), key, text="the weather in Oslo", answer="Rain."), None)
    store.rename(key, "Journey")
    (found,) = command_line.search_history("oslo")
    store.close()
    assert (found.title, found.words) == ("Journey", "the weather in Oslo Rain.")
    (tmp_path / "conversations.sqlite").write_bytes(b"this is no database")
    with pytest.raises(StorageError, match="cannot be read"):
        command_line.search_history("oslo")
