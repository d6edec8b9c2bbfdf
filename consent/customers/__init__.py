"""The door for customers themselves: mailed links, sessions, mail."""
