"""The routes of the tracking API, below /v1/."""

# Those of Segment's SDK for the browser.
SHORT_ROUTES = {
    "i": "identify",
    "t": "track",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
    "b": "batch",
}
BATCHES = ("batch", "import")
ROUTES = (*SHORT_ROUTES.values(), "import", *SHORT_ROUTES)
