"""The places in automations at which tests pause or kill a worker."""

# With the run: once it is claimed, and once its decisions are written but not committed.
CLAIMED = "automation.claimed"
DECIDED = "automation.decided"
# With the decision: once a mail is claimed and committed, and once it was handed over.
MAIL_CLAIMED = "automation.mail_claimed"
MAIL_SENT = "automation.mail_sent"
