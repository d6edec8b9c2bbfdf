"""Statements of the drain."""

# One counter a source, day and reason: nothing else may be kept of a message of an erased person.
COUNT_DROPPED = """
INSERT INTO ingestion_droppedcount AS dropped (source_id, day, reason, count)
VALUES (%s, %s, %s, %s)
ON CONFLICT (source_id, day, reason) DO UPDATE SET count = dropped.count + excluded.count
"""
