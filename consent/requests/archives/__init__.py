"""A person's copy of their data: what is in it, its files, fetching it, and reading it back."""
