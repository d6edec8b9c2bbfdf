"""What staff decide beside definitions: about single people, and about groups of segments."""
