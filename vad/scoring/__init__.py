"""Score videos of any origin with a trained run: what `vad score` does."""
