"""Reading the leaves about a person beside their events."""

from segments.language import nodes
from segments.language.nodes import PersonLeaf
from segments.language.operands import (
    definition_error,
    join_path,
    read_boolean,
    read_choice,
    read_duration,
    read_fields,
    read_key,
    read_name,
    read_number_between,
)
from segments.language.operators import TEST_FIELDS, ValueKind, read_test
from segments.language.trees import Readers, TreeReader

# Half of the Earth's circumference is a little more than 20,000 km.
MAX_KILOMETRES = 20_100


def _read_trait(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "key", "operator"), TEST_FIELDS)
    key = read_key(fields["key"], join_path(path, "key"))
    test, is_negated = read_test(fields, path, ValueKind.TRAIT)
    return nodes.TraitLeaf(key, test, is_negated)


def _read_segment(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "key"), ("entered_within",))
    key = read_name(fields["key"], join_path(path, "key"))
    if "entered_within" not in fields:
        return nodes.SegmentLeaf(key)
    duration = read_duration(fields["entered_within"], join_path(path, "entered_within"))
    return nodes.SegmentLeaf(key, duration)


def _read_consent(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "purpose", "permitted"))
    purpose = read_name(fields["purpose"], join_path(path, "purpose"))
    return nodes.ConsentLeaf(
        purpose, read_boolean(fields["permitted"], join_path(path, "permitted"))
    )


def _read_identifier(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "namespace", "operator"), TEST_FIELDS)
    namespace = read_name(fields["namespace"], join_path(path, "namespace"))
    test, is_negated = read_test(fields, path, ValueKind.TEXT)
    return nodes.IdentifierLeaf(namespace, test, is_negated)


def _read_source(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "key"), ("seen_within",))
    key = read_name(fields["key"], join_path(path, "key"))
    if "seen_within" not in fields:
        return nodes.SourceLeaf(key)
    return nodes.SourceLeaf(
        key, read_duration(fields["seen_within"], join_path(path, "seen_within"))
    )


def _read_stated(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "party"), ("key", "stated_within"))
    party = read_choice(fields["party"], join_path(path, "party"), list(nodes.Party))
    key = None
    if "key" in fields:
        key_path = join_path(path, "key")
        key, *parts = read_key(fields["key"], key_path)
        if parts:
            detail = f"A source states the whole of {key}, and no part of it alone."
            raise definition_error(key_path, "invalid", detail)
    within = None
    if "stated_within" in fields:
        within = read_duration(fields["stated_within"], join_path(path, "stated_within"))
    return nodes.StatedLeaf(nodes.Party(party), key, within)


def _read_list(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "key"))
    return nodes.ListLeaf(read_name(fields["key"], join_path(path, "key")))


def _read_bucket(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "salt", "from", "to"))
    low, high = (
        read_number_between(fields[name], join_path(path, name), 0, 100) for name in ("from", "to")
    )
    if low >= high:
        raise definition_error(join_path(path, "to"), "invalid", "This must be above from.")
    return nodes.BucketLeaf(read_name(fields["salt"], join_path(path, "salt")), low, high)


def _read_geo(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "key", "within_km", "of"))
    of_path, point = join_path(path, "of"), fields["of"]
    if not isinstance(point, list) or len(point) != 2:
        raise definition_error(of_path, "type", "This must be a list of two: [lat, lon].")
    return nodes.GeoLeaf(
        key=read_key(fields["key"], join_path(path, "key")),
        within_km=read_number_between(
            fields["within_km"], join_path(path, "within_km"), 0, MAX_KILOMETRES
        ),
        lat=read_number_between(point[0], f"{of_path}[0]", -90, 90),
        lon=read_number_between(point[1], f"{of_path}[1]", -180, 180),
    )


def _read_everyone(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    read_fields(value, path, ("type",))
    return nodes.EveryoneLeaf()


PERSON_READERS: Readers[PersonLeaf] = {
    "trait": _read_trait,
    "segment": _read_segment,
    "consent": _read_consent,
    "identifier": _read_identifier,
    "source": _read_source,
    "stated": _read_stated,
    "list": _read_list,
    "bucket": _read_bucket,
    "geo": _read_geo,
    "everyone": _read_everyone,
}
