"""Mail that came back, and addresses that get none any more."""
