"""Digests and durations, which every part of consent rests on."""
