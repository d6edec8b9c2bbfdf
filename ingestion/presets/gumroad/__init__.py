"""Gumroad."""
