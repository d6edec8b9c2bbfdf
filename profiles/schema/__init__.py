"""The registry of what messages are made of."""
