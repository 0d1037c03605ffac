"""Microphone and loudspeaker. Callbacks only move blocks between a ring and the device."""
