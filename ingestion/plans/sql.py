"""The statement on tracking plans that the ORM cannot say."""

# Adds to the counts of messages of sources, days and events that break a plan. The ORM's upsert
# replaces values and cannot add.
COUNT_BREACHES = """
INSERT INTO ingestion_planbreach AS breach (source_id, day, event, count)
SELECT source_id, %s, event, count
FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS added (source_id, event, count)
ON CONFLICT (source_id, day, event) DO UPDATE SET count = breach.count + excluded.count
"""
