"""How the admin writes times: by languages."""
