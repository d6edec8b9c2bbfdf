"""The inbox of accepted requests, and rejected messages."""
