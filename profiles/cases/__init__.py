"""Cases for staff: identifiers about which facts and rules disagree, each asked once."""
