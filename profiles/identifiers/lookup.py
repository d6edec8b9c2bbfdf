"""Finding people by what they are called, and the verbs that change one of them."""

from collections.abc import Iterable

from django.conf import settings
from django.db import connection

from profiles.identifiers import sql
from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.identifiers.references import Ref
from profiles.lib import exact_json


def parse_reference(reference: str) -> Ref:
    """`email:Ada@Example.org` → its namespace and stored spelling. Raises InvalidIdentifier."""
    namespace, colon, value = reference.partition(":")
    if not colon or not namespace:
        raise InvalidIdentifier("identifier", "must look like namespace:value")
    return Ref(namespace, normalise(namespace, value, region=settings.DEFAULT_PHONE_REGION))


def profiles_by_reference(references: Iterable[str]) -> dict[str, int]:
    """The profile that holds each `namespace:value`; what is malformed or unknown is left out."""
    parsed: dict[str, Ref] = {}
    for reference in references:
        try:
            parsed[reference] = parse_reference(reference)
        except InvalidIdentifier:
            continue
    with connection.cursor() as cursor:
        cursor.execute(sql.FIND_IDENTIFIERS, [exact_json.dumps_sorted(list(set(parsed.values())))])
        holders = {Ref(row[0], row[1]): row[3] for row in cursor.fetchall() if row[3] is not None}
    return {name: holders[ref] for name, ref in parsed.items() if ref in holders}
