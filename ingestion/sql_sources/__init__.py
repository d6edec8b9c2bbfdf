"""Queries of other databases, asked at intervals, whose rows become messages."""
