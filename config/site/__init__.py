"""The admin's home page, its sidebar, and its formats of days and times."""
