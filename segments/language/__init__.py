"""The definition of a segment: its JSON, its nodes, and what they mean. Pure."""
