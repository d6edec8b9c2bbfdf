"""Requests that were accepted and wait to be drained, and messages that could not be taken."""
