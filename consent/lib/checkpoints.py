"""The places at which tests pause, fail or kill the fulfilment of requests and the replay."""

# With the request, in the transaction of the act.
ACTING = "privacy_request.acting"
# With the hold, in the transaction that deletes what it kept.
SETTLING = "legal_hold.settling"
# With the requests, in the transaction that mails what is due.
TOLD_OF_DEADLINES = "privacy_request.told_of_deadlines"
# With the profiles, in the transaction that deletes what outlived its time.
EXPIRING = "retention.expiring"
# With the number of the line, in the transaction that does it again.
REPLAYING = "privacy_journal.replaying"
