"""Families of segments that part the people with some event: RFM models and life-cycles."""
