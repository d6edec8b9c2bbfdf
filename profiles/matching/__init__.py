"""Which profiles may be one person although no identifier says so: proposals for staff."""
