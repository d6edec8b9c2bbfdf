"""What a process keeps in memory between requests and tasks, and what bounds its staleness.

Invariant: a test finds every cache and every changing global of the code, and each stands here.
"""

_OF_TEXT = "A function of a text alone, never stale. Forgotten after ten minutes."
_OF_CODE = "Made of the code and its files, which a process does not outlive."
_OF_SETTINGS = "A file that the settings name, until the process ends."
_CLIENT = "A connection, not what it carries."

# By module and name.
PROCESS_MEMORY = {
    # What messages say.
    "consent.suppression.forms._addresses": _OF_TEXT,
    "consent.suppression.forms._number": _OF_TEXT,
    "consent.suppression.forms._references_of_key": _OF_TEXT,
    "consent.suppression.forms.spellings": _OF_TEXT,
    "consent.suppression.forms.stored_spellings": _OF_TEXT,
    "consent.opendsr.certificates._load_certificate": _OF_SETTINGS,
    "consent.opendsr.certificates._load_signer": _OF_SETTINGS,
    "consent.suppression.rows._digests": "Of a text and the keys, which it is given. Ten minutes.",
    "ingestion.drain.identifier_filter._mentioned_in_context": _OF_TEXT,
    "ingestion.enrichment.apply._from_context": _OF_TEXT,
    "ingestion.enrichment.traits._of_phone": _OF_TEXT,
    "ingestion.enrichment.user_agent._read": _OF_TEXT,
    "ingestion.messages.contexts.read_context": _OF_TEXT,
    "ingestion.messages.parse._cached_ref": _OF_TEXT,
    "profiles.identifiers.placeholders.stands_for_nobody": _OF_TEXT,
    "profiles.identifiers.normalisers._phone": _OF_TEXT,
    "profiles.identifiers.normalisers._validated_email": _OF_TEXT,
    "consent.suppression.forms._is_phone_key": _OF_TEXT,
    # What names nobody.
    "consent.lib.digests._keyed": "Keys of the settings, ready to hash with.",
    "ingestion.messages.times._cached_time": "Times of messages: 256 of them, never stale.",
    "ingestion.messages.times._zones": "Zones of this machine, until the process ends.",
    "segments.definitions.live._known_zones": "Zones of both machines, until the process ends.",
    "segments.compiler.fragments._split": "Templates of statements.",
    "config.http.examples.examples": _OF_CODE,
    "profiles.lib.expressions.compiled": "A function of an expression alone, never stale.",
    "ingestion.enrichment.address._reader": _OF_SETTINGS,
    "ingestion.enrichment.apply.load_enrichments": _OF_CODE,
    "ingestion.enrichment.countries._codes_by_name": _OF_CODE,
    "ingestion.enrichment.weather._days": _OF_SETTINGS,
    "ingestion.plans.compiled.compiled_plan": "Plans by the digest of their content.",
    "ingestion.presets.presets.load_kinds": _OF_CODE,
    "ingestion.presets.presets.load_preset": _OF_CODE,
    "ingestion.presets.presets.load_products": _OF_CODE,
    "ingestion.presets.presets.preset_keys": _OF_CODE,
    "segments.activation.destinations.tools.load_tool": _OF_CODE,
    "segments.activation.destinations.tools.tool_keys": _OF_CODE,
    "profiles.api.kit.lists.page_of": _OF_CODE,
    "consent.register.recipients._sources": _OF_CODE,
    "segments.admin.builder.blanks.definitions": _OF_CODE,
    "segments.admin.builder.blanks.leaf_schemas": _OF_CODE,
    "segments.admin.builder.catalogue.entries": _OF_CODE,
    # What is read of the store.
    "consent.suppression.memory._known": "Keyed hashes; each look-up asks for newer ones.",
    "ingestion.api.senders._senders": "Hashes of write keys and their sources, for half a second.",
    # Servers, clients and places of tests.
    "config.runtime.embedded.entry.servers": "The embedded servers, which the process has joined.",
    "config.runtime.slow_clients._watchers": "Sockets that are being read.",
    "consent.suppression.memory._lock": "Guards what is read beside it.",
    "profiles.matching.values.is_special": "Keys of traits, for one computation of proposals.",
    "profiles.lib.checkpoints._handlers": "What tests do at a checkpoint; empty in production.",
    "profiles.lib.memory._people": "The caches of texts, and when they were emptied.",
    "profiles.lib.throttles._own_counts": "Attempts by keyed hash while Valkey is away.",
    "profiles.lib.throttles.shared_counts": _CLIENT,
    "profiles.lib.valkey.valkey": _CLIENT,
}
