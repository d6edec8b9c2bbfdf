"""Spreading the store over many machines (Citus): what lies where, and how it gets there."""
