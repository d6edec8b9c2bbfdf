"""The places in the fulfilment of requests at which tests pause, fail or kill a worker."""

# With the request, in the transaction of the act.
ACTING = "privacy_request.acting"
