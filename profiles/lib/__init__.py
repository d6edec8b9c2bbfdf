"""Building blocks without a subject: locks, the clock, queues, credentials, exact JSON."""
