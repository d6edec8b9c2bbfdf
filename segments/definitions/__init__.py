"""Definitions of segments: saving, previewing and explaining them."""
