"""Easy Digital Downloads."""
