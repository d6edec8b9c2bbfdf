"""Legal holds: what must outlive the erasure of a person, where it lies, and how it ends."""
