"""Lists of people: keeping them, and who is on them."""
