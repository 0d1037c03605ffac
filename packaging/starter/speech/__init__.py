"""Texts become sound: flite, espeak-ng and natural voices, the rooms they are heard in, and features of it."""
