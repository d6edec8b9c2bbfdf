"""What all HTTP responses share: problem details, pages of lists, and health probes."""
