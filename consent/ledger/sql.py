"""Set-based statements on the ledger and the consent states, and the gate for sets."""

# The condition that profile `p` may be processed for the purpose with key %(purpose)s at time
# %(at)s; `consent.ledger.gate.is_permitted` states the same for one profile, and a test compares
# the two. It is text because it becomes part of the SQL of every statement that selects people.
# What the purpose is comes from subqueries that are read once, so that each EXISTS is of states
# alone and can be planned as one hashed scan or as a look-up per row, whichever costs less.
# IS FALSE rather than NOT: an anti-join planned on outdated statistics can go through all
# objections once for each profile.
PERMITTED = """(
    NOT p.is_restricted
    AND EXISTS (
        SELECT 1 FROM consent_purpose q
        WHERE q.key = %(purpose)s
    )
    AND EXISTS (
        SELECT 1 FROM consent_consentstate s
        WHERE s.profile_id = p.id AND s.is_objected AND s.purpose_id = (
            SELECT q.id FROM consent_purpose q
            WHERE q.key = %(purpose)s AND (
                q.is_direct_marketing OR q.replaces_id IS NOT NULL
                OR q.legal_basis IN ('consent', 'legitimate_interest', 'public_task')
            )
        )
    ) IS FALSE
    AND (
        EXISTS (
            SELECT 1 FROM consent_purpose q
            WHERE q.key = %(purpose)s AND q.legal_basis <> 'consent'
        )
        OR EXISTS (
            SELECT 1 FROM consent_consentstate s
            WHERE s.profile_id = p.id
                AND s.purpose_id = (
                    SELECT q.id FROM consent_purpose q WHERE q.key = %(purpose)s
                )
                AND s.version >= (
                    SELECT q.minimum_version FROM consent_purpose q WHERE q.key = %(purpose)s
                )
                AND s.state IN ('given', 'renewed')
                AND (s.valid_until IS NULL OR s.valid_until > %(at)s)
        )
    )
)"""

# Inserts events, and returns the ids of those that are no repeats: the unique idempotency key makes
# a repeat a conflict. Not ORM: thousands of rows are one parameter instead of nineteen each.
INSERT_EVENTS = """
INSERT INTO consent_consentevent (
    id, identifier_id, kind, purpose_id, purpose_version_id, notice_id, state, occurred_at,
    received_at, valid_until, actor, method, trust, source_id, recorded_by, idempotency_key,
    reached_identifier_ids, digest, seq)
SELECT
    id, identifier_id, kind, purpose_id, purpose_version_id, notice_id, state, occurred_at,
    received_at, valid_until, actor, method, trust, source_id, recorded_by, idempotency_key,
    reached_identifier_ids, digest, seq
FROM jsonb_to_recordset(%s::jsonb) AS event (
    id uuid, identifier_id bigint, kind text, purpose_id bigint, purpose_version_id bigint,
    notice_id uuid, state text, occurred_at timestamptz, received_at timestamptz,
    valid_until timestamptz, actor text, method text, trust smallint, source_id bigint,
    recorded_by text, idempotency_key text, reached_identifier_ids bigint[], digest text,
    seq bigint)
ON CONFLICT DO NOTHING
RETURNING id
"""

# Inserts what events say beside their columns, in the same way.
INSERT_BODIES = """
INSERT INTO consent_consentbody (event_id, salt, evidence)
SELECT event_id, salt, evidence
FROM jsonb_to_recordset(%s::jsonb) AS body (event_id uuid, salt text, evidence jsonb)
"""

# Returns which of the given profiles have a consent event or a consent state; most have neither.
# Not ORM: it joins an array of thousands of ids, where the ORM would write a list of parameters.
PROFILES_WITH_CONSENTS = """
WITH named AS MATERIALIZED (
    SELECT i.id, i.profile_id
    FROM unnest(%(profiles)s::bigint[]) AS wanted (id)
    JOIN profiles_identifier i ON i.profile_id = wanted.id
)
SELECT named.profile_id FROM named JOIN consent_consentevent e ON e.identifier_id = named.id
UNION
SELECT s.profile_id
FROM unnest(%(profiles)s::bigint[]) AS wanted (id)
JOIN consent_consentstate s ON s.profile_id = wanted.id
"""

# Returns the events of the identifiers that the given profiles have now, as the fold reads them:
# the profile, then the fields of LedgerEvent, with the validity that the purpose's version sets.
# Not ORM: it joins an array of thousands of ids, like the statement above.
EVENTS_OF_PROFILES = """
WITH named AS MATERIALIZED (
    SELECT i.id, i.profile_id
    FROM unnest(%s::bigint[]) AS wanted (id)
    JOIN profiles_identifier i ON i.profile_id = wanted.id
)
SELECT named.profile_id, e.identifier_id, e.kind, e.purpose_id, coalesce(v.number, 0), e.state,
    e.occurred_at, e.received_at, e.valid_until, e.actor, e.trust, v.validity,
    e.reached_identifier_ids
FROM named
JOIN consent_consentevent e ON e.identifier_id = named.id
LEFT JOIN consent_purposeversion v ON v.id = e.purpose_version_id
"""

# Returns the next numbers of the ledger's order of arrival. Not ORM: it draws many from a sequence
# at once.
NEXT_EVENT_NUMBERS = """
SELECT nextval('consent_event_seq') FROM generate_series(1, %s)
"""

# Inserts or replaces thousands of consent states in one statement, sorted so that two writers
# cannot deadlock. Not ORM: bulk_create would send every value as a parameter of its own.
UPSERT_STATES = """
INSERT INTO consent_consentstate
    (profile_id, purpose_id, state, version, decided_at, valid_until, is_objected, objected_at,
    updated_at)
SELECT folded.*, now() FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::integer[],
    %s::timestamptz[], %s::timestamptz[], %s::boolean[], %s::timestamptz[]) AS folded
ORDER BY 1, 2
ON CONFLICT (profile_id, purpose_id) DO UPDATE SET
    state = excluded.state, version = excluded.version, decided_at = excluded.decided_at,
    valid_until = excluded.valid_until, is_objected = excluded.is_objected,
    objected_at = excluded.objected_at, updated_at = excluded.updated_at
"""

# Deletes the consent states of the given (profile, purpose) pairs. Not ORM: it cannot match pairs
# of keys in one statement.
DELETE_STATES = """
DELETE FROM consent_consentstate s
USING unnest(%s::bigint[], %s::bigint[]) AS gone (profile_id, purpose_id)
WHERE s.profile_id = gone.profile_id AND s.purpose_id = gone.purpose_id
"""

# Returns the evidence of one person's consents for a legal hold, by the keys of the purposes; the
# events themselves stay in the ledger. Not ORM: the rows are copied as JSON in one statement, with
# every digit of their numbers.
HELD_EVIDENCE = """
SELECT coalesce(p.key, ''), (to_jsonb(e) || jsonb_build_object('purpose', p.key,
    'salt', b.salt, 'evidence', b.evidence))::text
FROM consent_consentbody b
JOIN consent_consentevent e ON e.id = b.event_id
LEFT JOIN consent_purpose p ON p.id = e.purpose_id
WHERE e.identifier_id = ANY(%(identifiers)s)
"""

# Returns the links behind %(after)s, at most %(limit)s, of events that need to prove nothing any
# more if nobody has their identifier, which comes with them: received before %(before)s, without
# evidence, of whom an erasure before then names and neither a younger one nor a standing hold. Not
# ORM: it looks into arrays of two tables.
PRUNABLE_LINKS = """
WITH kept AS MATERIALIZED (
    SELECT unnest(identifier_ids) AS id FROM consent_privacyrequest
    WHERE kind = 'erasure' AND (done_at IS NULL OR done_at >= %(before)s)
    UNION
    SELECT unnest(identifier_ids) FROM consent_legalhold WHERE lifted_at IS NULL
),
erased AS MATERIALIZED (
    SELECT DISTINCT unnest(identifier_ids) AS id FROM consent_privacyrequest
    WHERE kind = 'erasure' AND done_at < %(before)s
)
SELECT s.number, e.identifier_id
FROM erased
JOIN consent_consentevent e ON e.identifier_id = erased.id
JOIN consent_ledgerseal s ON s.event_id = e.id
WHERE s.number > %(after)s AND e.received_at < %(before)s
    AND NOT EXISTS (SELECT FROM consent_consentbody b WHERE b.event_id = e.id)
    AND NOT EXISTS (SELECT FROM kept WHERE kept.id = e.identifier_id)
ORDER BY s.number
LIMIT %(limit)s
"""

# Deletes the events of these links, and writes down that they were. Not ORM: the application may
# delete nothing of the ledger but by this function of its owner.
PRUNE = "SELECT consent_prune_ledger(%s, %s, %s)"
