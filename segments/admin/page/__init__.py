"""The page of a segment: a tab for each question that is asked about it."""
