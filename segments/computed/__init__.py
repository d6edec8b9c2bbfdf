"""Computed traits: how they are defined, and how their values follow the events.

Invariant: of whoever waits in no queue, each value is what the definition makes of all their
events.
"""
