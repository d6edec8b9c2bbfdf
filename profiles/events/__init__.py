"""What people did: names, storage, statistics, deduplication."""
