"""What is measured, side by side with its floor, printed as ratios."""
