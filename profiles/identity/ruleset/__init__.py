"""Rules as one file, what other rules would have done, and making rules stand from the start."""
