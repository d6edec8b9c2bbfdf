"""The document of a person that mappings read.

Invariant: with vouched identifiers only, no address, number or id that nobody vouched for is in it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from profiles.lib import exact_json
from profiles.models import Identifier, Profile
from profiles.services import CONTACT_TRAITS

# The namespace of public ids, which stand at the top.
_PUBLIC_ID = "profile"
# What stands at the top of a document, too: the best value of each.
NAMES = (*CONTACT_TRAITS, "user_id")


def read_people(
    ids: Sequence[int], segments: Mapping[int, Collection[str]], *, only_vouched: bool
) -> dict[int, dict[str, Any]]:
    """Return the documents of some people, with the segments that each is sent for.

    Takes two queries, whoever many they are.
    """
    if not ids:
        return {}
    identifiers = _identifiers(ids, only_vouched=only_vouched)
    profiles = Profile.objects.filter(pk__in=ids).values_list("pk", "uuid", "traits")
    return {
        pk: document_of(
            str(uuid), traits, identifiers[pk], segments.get(pk, ()), only_vouched=only_vouched
        )
        for pk, uuid, traits in profiles
    }


def document_of(
    uuid: str,
    traits: Mapping[str, Any],
    identifiers: Mapping[str, list[str]],
    segments: Collection[str],
    *,
    only_vouched: bool,
) -> dict[str, Any]:
    """Return the document of one person."""
    own = dict(traits)
    for name in CONTACT_TRAITS if only_vouched else ():
        if own.get(name) not in identifiers.get(name, ()):
            own.pop(name, None)
    best = {name: _best(own.get(name), identifiers.get(name, [])) for name in NAMES}
    return {
        "id": uuid,
        **best,
        "traits": own,
        "identifiers": dict(identifiers),
        "segments": sorted(segments),
    }


def _best(trait: Any, values: Sequence[str]) -> Any:
    """The golden trait where there is one, else the first identifier."""
    return trait if trait is not None else next(iter(values), None)


def _identifiers(ids: Sequence[int], *, only_vouched: bool) -> dict[int, dict[str, list[str]]]:
    rows = Identifier.objects.filter(profile_id__in=list(ids), quarantined_at=None)
    rows = rows.filter(is_vouched=True) if only_vouched else rows
    found: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    plain = rows.exclude(namespace=_PUBLIC_ID).order_by("namespace", "value")
    for pk, namespace, value in plain.values_list("profile_id", "namespace", "value"):
        if pk is not None:
            found[pk][namespace].append(value)
    return found


def sample_person() -> dict[str, Any]:
    """Return the document of somebody who does not exist, for trials."""
    example: dict[str, Any] = exact_json.loads(_EXAMPLE)
    return example


_EXAMPLE = """
{"id": "00000000-0000-7000-8000-000000000000", "email": "jane.doe@example.com",
 "phone": "+33155550100", "user_id": "c-1",
 "traits": {"first_name": "Jane", "last_name": "Doe", "city": "Lyon", "country": "FR",
  "email": "jane.doe@example.com", "phone": "+33155550100"},
 "identifiers": {"email": ["jane.doe@example.com"], "phone": ["+33155550100"],
  "user_id": ["c-1"]},
 "segments": ["example"]}
"""
