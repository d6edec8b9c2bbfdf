"""Corrections: what they may say, and how they stand against what sources send."""
