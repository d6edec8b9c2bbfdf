"""The places in an import at which tests pause or kill whoever reads a file, in order."""

CLAIMED = "import.claimed"
CHUNK_MADE = "import.chunk_made"
CHUNK_STORED = "import.chunk_stored"
READ = "import.read"
FINISHED = "import.finished"

ALL = (CLAIMED, CHUNK_MADE, CHUNK_STORED, READ, FINISHED)
