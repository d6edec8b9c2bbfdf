"""Mails to people: their templates, and what one says to somebody."""
