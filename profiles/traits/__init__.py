"""What sources say of people, and the golden value that is folded from it."""
