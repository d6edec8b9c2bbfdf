"""What staff have set that the drain goes by."""

from collections.abc import Mapping
from typing import NamedTuple

from consent.models import Purpose
from ingestion.models import ConsentCategory
from ingestion.plans.compiled import plans_in_force
from ingestion.plans.content import Plan
from profiles.identifiers.lookup import load_normalisers
from profiles.models import Source
from profiles.services import Rules, load_blocked, load_rules


class Configuration(NamedTuple):
    """Blocked values and normalisers by namespace, and the purposes of consent categories.

    `categories` map a source and its consent category to the purpose. `plans` are those of the
    sources that have one.
    """

    rules: Rules
    blocked: Mapping[str, frozenset[str]]
    normalisers: Mapping[str, str]
    source_keys: Mapping[int, str]
    categories: Mapping[tuple[int, str], str]
    purposes: frozenset[str]
    plans: Mapping[int, Plan]


def load_configuration() -> Configuration:
    """Read afresh for each chunk: what is changed in the admin holds from the next one on."""
    return Configuration(
        rules=load_rules(),
        blocked=load_blocked(),
        normalisers=load_normalisers(),
        source_keys=dict(Source.objects.values_list("pk", "key")),
        categories={
            (category.source_id, category.category): category.purpose.key
            for category in ConsentCategory.objects.select_related("purpose")
        },
        purposes=frozenset(Purpose.objects.values_list("key", flat=True)),
        plans=plans_in_force(),
    )
