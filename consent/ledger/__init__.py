"""What was said about purposes, what it comes to, and the gate that asks."""
