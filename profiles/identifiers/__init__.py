"""How people are named: references, their stored spelling, and who holds them."""
