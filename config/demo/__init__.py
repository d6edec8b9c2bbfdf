"""The demo: the customers of a music shop, with messages from a shop, CRM, newsletter and website.

Invariant: everything about people comes in by messages of the tracking API, and the same day always
makes the same messages.
"""
