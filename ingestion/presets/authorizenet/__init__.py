"""Authorize.Net."""
