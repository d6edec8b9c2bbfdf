"""The places in refreshes, rebuilds and previews at which tests pause, fail or kill a worker."""

# Of a refresh, with the ids of the profiles.
CLAIMED = "refresh.claimed"
EVALUATED = "refresh.evaluated"
# Of a rebuild, with its lease.
PLANNED = "rebuild.planned"
STAGED = "rebuild.staged"
# Of a preview, in the transaction that has the time-out.
COUNTING = "preview.counting"
