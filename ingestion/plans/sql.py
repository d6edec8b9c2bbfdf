"""The statement on tracking plans that the ORM cannot say."""

# Adds to the counts of messages that break a plan, by source, day and fault. The ORM's upsert
# replaces values and cannot add.
COUNT_BREACHES = """
INSERT INTO ingestion_planbreach AS breach (source_id, day, event, policy, path, count)
SELECT source_id, %s, event, policy, path, count
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[])
AS added (source_id, event, policy, path, count)
ON CONFLICT (source_id, day, event, policy, path)
DO UPDATE SET count = breach.count + excluded.count
"""
