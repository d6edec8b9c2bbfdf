"""Identifiers: their references, their stored spelling and how to find their profiles."""
