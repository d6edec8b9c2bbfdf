"""Who is who: the engine that decides, and the database around it."""
