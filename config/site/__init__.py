"""The admin's home page, its menu, and its formats."""
