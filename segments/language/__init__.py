"""The language of segment definitions: its JSON, its nodes and what they mean. Pure."""
