"""How customers reach their own data: mailed links, sessions and the mail itself."""
