"""What has no subject of its own: locks, the clock, queues, credentials, exact JSON."""
