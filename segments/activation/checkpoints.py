"""The places in deliveries at which tests pause or kill a worker."""

# With the delivery: once it is taken, once the gate let it through, and once it was answered.
CLAIMED = "delivery.claimed"
GATE_READ = "delivery.gate_read"
ANSWERED = "delivery.answered"
