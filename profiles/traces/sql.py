"""Statements that replace texts in stored rows."""

# Returns the events received until a time, with their JSON as text. Not ORM: its JSON field would
# read numbers as floats.
EVENTS = """
SELECT profile_id, timestamp, id, properties::text, context::text FROM profiles_event
WHERE received_at <= %s
"""

# Returns one event in the same shape, wherever a merge has put it meanwhile.
ONE_EVENT = """
SELECT profile_id, timestamp, id, properties::text, context::text FROM profiles_event
WHERE timestamp = %s AND id = %s
"""

# Replaces the JSON of one event. Not ORM, for the same reason.
SET_EVENT = """
UPDATE profiles_event SET properties = %s::jsonb, context = %s::jsonb
WHERE profile_id = %s AND timestamp = %s AND id = %s
"""

# Returns all source records with their traits as text. Not ORM, for the same reason.
RECORDS = """
SELECT id, profile_id, traits::text FROM profiles_sourcerecord
"""

# Returns some source records in the same shape.
SOME_RECORDS = """
SELECT id, profile_id, traits::text FROM profiles_sourcerecord WHERE id = ANY(%s)
"""

# Returns all values of computed traits as text. Not ORM, for the same reason.
COMPUTED = """
SELECT profile_id, trait_id, value::text FROM profiles_computedvalue
"""

# Replaces the traits of one source record. Not ORM, for the same reason.
SET_RECORD = """
UPDATE profiles_sourcerecord SET traits = %s::jsonb WHERE profile_id = %s AND id = %s
"""
