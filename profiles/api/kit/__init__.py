"""Building blocks of every app's API."""
