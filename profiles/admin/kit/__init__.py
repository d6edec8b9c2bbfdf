"""What every app's admin is built from."""
