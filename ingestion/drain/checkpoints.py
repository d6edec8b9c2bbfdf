"""The places in a drain at which tests pause, fail or kill a worker, in order."""

LEASED = "drain.leased"
READ = "drain.read"
HELD = "drain.held"
TAKEN = "drain.taken"
BEFORE_PEOPLE_LOCK = "drain.before_people_lock"
PEOPLE_LOCKED = "drain.people_locked"
FILTERED = "drain.filtered"
RESOLVED = "drain.resolved"
TRAITS_RECORDED = "drain.traits_recorded"
ACCOUNTS_RECORDED = "drain.accounts_recorded"
# With the events as their subject; both when they are stored ahead of the lock and under it.
COPYING_EVENTS = "drain.copying_events"
EVENTS_COPIED = "drain.events_copied"
TAKING_BACK_EVENTS = "drain.taking_back_events"
EVENTS_STORED = "drain.events_stored"
APPLIED = "drain.applied"
# With the lease as its subject.
FINISHING = "drain.finishing"
FINISHED = "drain.finished"
# One message at a time, from the third attempt on.
ALONE = "drain.alone"
ALONE_APPLIED = "drain.alone_applied"
REJECTING_ALONE = "drain.rejecting_alone"
REJECTING_HELD = "drain.rejecting_held"

TOGETHER = (
    LEASED,
    READ,
    HELD,
    TAKEN,
    BEFORE_PEOPLE_LOCK,
    PEOPLE_LOCKED,
    FILTERED,
    RESOLVED,
    TRAITS_RECORDED,
    ACCOUNTS_RECORDED,
    EVENTS_COPIED,
    EVENTS_STORED,
    APPLIED,
    FINISHING,
    FINISHED,
)
