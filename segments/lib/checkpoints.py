"""The places in refreshes, rebuilds and previews at which tests pause, fail or kill a worker."""

# Of a refresh, with the ids of the profiles.
CLAIMED = "refresh.claimed"
EVALUATED = "refresh.evaluated"
# With the keys of the segments that one statement is about to evaluate.
REFRESHING = "refresh.refreshing"
# With the ids of the profiles whose computed traits are stored, and whose changes still wait.
COMPUTED = "refresh.computed"
# Of a rebuild, with its lease.
PLANNED = "rebuild.planned"
# With the ids of the segments that one statement is about to compute.
BUILDING = "rebuild.building"
STAGED = "rebuild.staged"
# Under all slot locks, before and after the difference is written.
APPLYING = "rebuild.applying"
APPLIED = "rebuild.applied"
# Of a preview, in the transaction that has the time-out.
COUNTING = "preview.counting"
ESTIMATING = "preview.estimating"
