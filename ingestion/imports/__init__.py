"""Files whose rows become messages: reading them, what their columns mean, and their progress."""
