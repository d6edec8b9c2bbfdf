"""Purposes of processing, and the texts that people are shown about them."""
