"""Makes the token2wav folder of the tiny checkpoint: python -m tests.goldens.speaking_part, before make_goldens."""

from __future__ import annotations

from tests.benchmarks.speech_folder import write_token2wav
from tests.goldens.make_goldens import CHECKPOINT, SEED
from tests.goldens.voice_onnx import write_voice_networks

if __name__ == "__main__":
    write_token2wav(CHECKPOINT / "token2wav", "least", SEED, half=True)
    write_voice_networks(CHECKPOINT / "token2wav", SEED)
