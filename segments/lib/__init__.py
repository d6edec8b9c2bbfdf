"""Building blocks of definitions and memberships: the locks of both."""
