"""What a voice is made of: three spectra of a recording. All in numpy, for they are computed once for each voice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.events import Samples
from engine.mel_scale import mel_filters

RATE_TOKENS_HZ = 16_000
RATE_MEL_HZ = 24_000
_FLOOR_DB_TENTHS = 8.0
_TOP_HZ = 8000.0


def log_mel(samples_16k: Samples) -> NDArray[np.float32]:
    """The speech tokenizer's input (128, T) at 100 Hz: Whisper's log-mel with 128 bins, without padding."""
    window = np.hanning(401)[:-1]
    power = np.abs(_spectra(np.pad(samples_16k, 200, mode="reflect"), 400, 160, window)[:-1]) ** 2
    mel = np.log10(np.maximum(power @ mel_filters(128, RATE_TOKENS_HZ, 400, _TOP_HZ).T, 1e-10))
    mel = np.maximum(mel, mel.max() - _FLOOR_DB_TENTHS)
    return ((mel + 4.0) / 4.0).T.astype(np.float32)


def voice_mel(samples_24k: Samples) -> NDArray[np.float32]:
    """The flow's own mel (T, 80) at 50 Hz: magnitudes of 1920 samples every 480, natural logarithm."""
    window = np.hanning(1921)[:-1]
    spectra = _spectra(np.pad(samples_24k, 720, mode="reflect"), 1920, 480, window)
    magnitude = np.sqrt(np.abs(spectra) ** 2 + 1e-9)
    return np.log(np.maximum(magnitude @ mel_filters(80, RATE_MEL_HZ, 1920, _TOP_HZ).T, 1e-5)).astype(np.float32)


def kaldi_fbank(samples_16k: Samples) -> NDArray[np.float32]:
    """The speaker network's input (T, 80) at 100 Hz: Kaldi's log filter banks, no dither, mean removed per bin."""
    import kaldi_native_fbank

    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = RATE_TOKENS_HZ
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = 80
    computer = kaldi_native_fbank.OnlineFbank(options)
    computer.accept_waveform(RATE_TOKENS_HZ, np.asarray(samples_16k, np.float32).tolist())
    computer.input_finished()
    frames = np.array([computer.get_frame(index) for index in range(computer.num_frames_ready)], np.float32)
    return frames - frames.mean(axis=0, keepdims=True)


def fitted(mel: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """The mel cut, or lengthened by repeating its last frame, to exactly `frames` frames."""
    return np.pad(mel[:frames], [(0, max(0, frames - len(mel))), (0, 0)], mode="edge")


def _spectra(samples: NDArray, size: int, hop: int, window: NDArray[np.float64]) -> NDArray[np.complex128]:
    pieces = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    return np.fft.rfft(pieces * window, axis=1)
