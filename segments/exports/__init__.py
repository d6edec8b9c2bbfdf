"""How members leave the system: read in batches behind the gate, and written as files."""
