"""Identity: which identifiers belong to which profile, judged by the engine and stored here."""
