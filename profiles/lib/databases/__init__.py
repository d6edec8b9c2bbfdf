"""Other databases: those that queries are asked of, and tables that are kept in step."""
