"""The demo: a music shop's customers, their purchases, and the same people in a newsletter, a CRM and on a website.

Invariant: everything about people enters as requests of the tracking API, and the same day gives the same messages.
"""
