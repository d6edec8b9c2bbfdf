"""The builder: a definition as a tree of sentences that staff change piece by piece.

Invariant: the definition in JSON is the only state. Every change is an operation on it that the
server applies; which leaves, fields and operators there are is read from the language's schema.
"""
