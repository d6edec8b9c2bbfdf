"""OpenDSR 2.0: the systems of other companies pass requests on, and are told how they end."""
