"""The query of the suppression list."""

# Returns (digest, NULL) for each given digest that is suppressed, and (NULL, key id) for each key
# that has rows but is not among the given ones. Not ORM: it runs for every chunk of messages, so
# both questions are one query.
SUPPRESSED = """
SELECT s.digest, NULL::text FROM consent_suppression s
WHERE s.digest = ANY(%(digests)s) AND s.key_id = ANY(%(key_ids)s) AND s.lifted_at IS NULL
UNION ALL
SELECT NULL, k.key_id FROM consent_suppressionkeycheck k WHERE NOT k.key_id = ANY(%(key_ids)s)
"""
