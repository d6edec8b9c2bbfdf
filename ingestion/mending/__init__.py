"""Rejected messages are mended, one by hand or many by rules, and sent through the inbox again."""
