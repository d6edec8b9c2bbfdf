"""What data are processed for, and the very words people were shown."""
