"""Speech tokens and a voice become sound: token encoder, flow, vocoder, and the synthesizer that streams them."""
