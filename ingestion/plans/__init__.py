"""Tracking plans: what a source should send, and what becomes of messages that break it."""
