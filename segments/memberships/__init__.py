"""Who is in which segment: kept right by refreshes, rebuilt, verified."""
