"""The desk of privacy officers: the list of requests, their pages, and the steps taken there."""
