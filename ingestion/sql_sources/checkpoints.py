"""The places in a run at which tests pause or kill whoever reads, in order."""

CLAIMED = "sql_source.claimed"
BATCH_READ = "sql_source.batch_read"
BATCH_STORED = "sql_source.batch_stored"
READ = "sql_source.read"
FINISHED = "sql_source.finished"

ALL = (CLAIMED, BATCH_READ, BATCH_STORED, READ, FINISHED)
