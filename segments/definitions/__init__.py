"""Segments as staff and services make, change, preview and question them."""
