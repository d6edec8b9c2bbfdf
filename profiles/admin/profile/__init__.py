"""The list of profiles and the page of one profile."""
