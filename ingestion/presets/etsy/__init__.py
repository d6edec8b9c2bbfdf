"""Etsy."""
