"""The one question that is asked of the suppression list."""

# One question on the way of every message: which digests are suppressed, and is there a key in use that we do not have.
SUPPRESSED = """
SELECT s.digest, NULL::text FROM consent_suppression s
WHERE s.digest = ANY(%(digests)s) AND s.key_id = ANY(%(key_ids)s)
UNION ALL
SELECT NULL, k.key_id FROM consent_suppressionkeycheck k WHERE NOT k.key_id = ANY(%(key_ids)s)
"""
