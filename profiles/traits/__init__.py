"""Traits: what sources state about a profile, and the golden values chosen from it."""
