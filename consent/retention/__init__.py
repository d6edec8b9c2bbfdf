"""Retention: how long purposes keep data, and the engine that deletes what outlived its time."""
