"""OpenDSR 2.0 for the systems of other companies, below `/opendsr/v2/`."""
