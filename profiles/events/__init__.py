"""Events of profiles: names, storage, statistics and deduplication."""
