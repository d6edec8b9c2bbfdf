"""The tags of the schema: the nouns that addresses begin with."""

TAGS = {
    "tracking": "Segment's protocol, by which SDKs send messages with a write key.",
    "profiles": "One customer each, as far as all sources together know.",
    "segments": "Living sets of profiles, and why somebody belongs to one.",
    "exports": "Members that left the system: for which purpose, how many, and who was left out.",
    "exclusive-groups": "Segments of which a person is in one at most.",
    "lists": "People put together by hand or from a definition; segments ask who is on a list.",
    "rfm": "Eleven groups of people by recency, frequency and money, each a living segment.",
    "life-cycles": "Six stages of people by how lately they came, each a living segment.",
    "consents": "The ledger of what people permitted and refused.",
    "purposes": "What data are processed for, and on which legal basis.",
    "notices": "The very texts that people were shown.",
    "privacy/me": "What customers do themselves, with a session from a mailed link.",
    "privacy/requests": "Requests of customers that a service passes on.",
    "privacy/returns": "People who were erased and want to be stored again.",
    "sources": "Where messages come from, and their write keys.",
    "imports": "Files of rows, and how each row ended.",
    "import-mappings": "What the columns of files mean, under a name.",
    "rejected-messages": "Messages that could not be taken, with the reason.",
    "identity": "Who is who: verdicts, rules, why two are one, and what too many people wanted.",
    "audit": "Who changed what.",
}
