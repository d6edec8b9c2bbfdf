"""2Checkout (Verifone)."""
