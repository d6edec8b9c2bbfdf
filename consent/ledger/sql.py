"""Set-based statements on the ledger and the consent states, and the gate for sets."""

# The gate for sets: whether profile `p` may be processed for the purpose with key %(purpose)s at %(at)s. It goes into the
# statements of every outlet, so it is text; `consent.ledger.gate.permits` says the same of one profile, and a test proves it.
# Each EXISTS may be planned as one hashed scan or as look-ups per row, whichever costs less; IS FALSE and not NOT, since an
# anti-join planned on old statistics can go through all objections for each profile.
PERMITTED = """(
    NOT p.is_restricted
    AND EXISTS (
        SELECT 1 FROM consent_purpose q
        WHERE q.key = %(purpose)s
    )
    AND EXISTS (
        SELECT 1 FROM consent_consentstate s JOIN consent_purpose q ON q.id = s.purpose_id
        WHERE s.profile_id = p.id AND q.key = %(purpose)s AND s.is_objected
            AND (q.is_direct_marketing OR q.legal_basis IN ('consent', 'legitimate_interest', 'public_task'))
    ) IS FALSE
    AND (
        EXISTS (
            SELECT 1 FROM consent_purpose q
            WHERE q.key = %(purpose)s AND q.legal_basis <> 'consent'
        )
        OR EXISTS (
            SELECT 1 FROM consent_consentstate s JOIN consent_purpose q ON q.id = s.purpose_id
            WHERE s.profile_id = p.id AND q.key = %(purpose)s
                AND s.state IN ('given', 'renewed') AND s.version >= q.minimum_version
                AND (s.valid_until IS NULL OR s.valid_until > %(at)s)
        )
    )
)"""

# Most people never said anything of consent: whoever did, or has a state, out of thousands.
WITH_CONSENTS = """
SELECT i.profile_id FROM unnest(%(profiles)s::bigint[]) AS wanted (id)
JOIN profiles_identifier i ON i.profile_id = wanted.id JOIN consent_consentevent e ON e.identifier_id = i.id
UNION
SELECT s.profile_id FROM unnest(%(profiles)s::bigint[]) AS wanted (id) JOIN consent_consentstate s ON s.profile_id = wanted.id
"""

# Numbers in order of arrival, for many rows at once.
EVENT_NUMBERS = """
SELECT nextval('consent_event_seq') FROM generate_series(1, %s)
"""

# Thousands of states in one statement; sorted, so that two writers cannot deadlock.
UPSERT_STATES = """
INSERT INTO consent_consentstate
    (profile_id, purpose_id, state, version, decided_at, valid_until, is_objected, objected_at)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::integer[], %s::timestamptz[],
    %s::timestamptz[], %s::boolean[], %s::timestamptz[])
ORDER BY 1, 2
ON CONFLICT (profile_id, purpose_id) DO UPDATE SET
    state = excluded.state, version = excluded.version, decided_at = excluded.decided_at,
    valid_until = excluded.valid_until, is_objected = excluded.is_objected,
    objected_at = excluded.objected_at, updated_at = now()
"""

# Pairs of keys, which the ORM cannot match in one statement.
DELETE_STATES = """
DELETE FROM consent_consentstate s USING unnest(%s::bigint[], %s::bigint[]) AS gone (profile_id, purpose_id)
WHERE s.profile_id = gone.profile_id AND s.purpose_id = gone.purpose_id
"""
