"""Accounts: the companies and groups that group calls name, with their traits and members."""
