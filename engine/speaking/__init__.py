"""Speech tokens and a voice become sound: token encoder, flow, vocoder, and the synthesizer that streams them."""

from engine.speaking.speaking import Speaking
from engine.speaking.synthesizer import SAMPLE_RATE_HZ, SpeechChunk, Synthesizer
from engine.speaking.voice import Voice
from engine.speaking.voice_library import VoiceLibrary

__all__ = ["SAMPLE_RATE_HZ", "Speaking", "SpeechChunk", "Synthesizer", "Voice", "VoiceLibrary"]
