"""What every app's API is built from."""
