"""The products that are sold: keeping them, copying them into events, and which go together."""
