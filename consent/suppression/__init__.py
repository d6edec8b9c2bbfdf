"""Who must not come back."""
