"""What all HTTP answers share: problem details, pages of lists, health."""
