"""Compiling leaves about where a profile is: in a segment since when, by what name, on the map."""

from collections.abc import Sequence
from decimal import Decimal

from segments.compiler.context import Context
from segments.compiler.dates import add_to_instant
from segments.compiler.elements import Element, is_type, json_value
from segments.compiler.fragments import Fragment, all_of, fill, negate
from segments.compiler.values import test_text
from segments.language.nodes import BucketLeaf, GeoLeaf, IdentifierLeaf, SegmentLeaf

TRAITS = Fragment("p.traits")
# The first 8 hexadecimal digits of a hash, as a number below 2^32.
CIRCLE = """('x' || left(encode(sha256(convert_to(
    {salt}::text || ':' || p.uuid::text, 'UTF8')), 'hex'), 8))::bit(32)::bigint"""
CIRCUMFERENCE = Decimal(2**32)
# The id of a live segment, NULL if there is none.
SEGMENT_ID = "(SELECT s.id FROM segments_segment s WHERE s.key = {key}::text AND s.status = 'live')"
# Since when the profile is a member, NULL if it is none.
ENTERED_AT = """(SELECT m.entered_at FROM segments_membership m
    WHERE m.profile_id = p.id AND m.segment_id = {segment})"""
# The same at an instant in the past or to come.
ENTERED_AS_OF = """(SELECT CASE WHEN c.has_entered THEN c.changed_at END
    FROM segments_membershipchange c
    WHERE c.profile_id = p.id AND c.segment_id = {segment}
        AND c.changed_at <= {now}::timestamptz
    ORDER BY c.changed_at DESC, c.id DESC LIMIT 1)"""


def entry_conditions(leaf: SegmentLeaf, context: Context) -> list[Fragment]:
    """Return the conditions that a member of a segment entered it recently enough.

    Who is no stored member yet enters now.
    """
    if leaf.entered_within is None:
        return []
    leaves_at = add_to_instant(entered_at(leaf, context), leaf.entered_within, context)
    template = "coalesce({leaves_at} > {now}::timestamptz, TRUE)"
    return [fill(template, leaves_at=leaves_at, now=context.now)]


def entered_at(leaf: SegmentLeaf, context: Context) -> Fragment:
    """Return since when `p` is a stored member of the segment, NULL if it is none."""
    template = ENTERED_AT if context.is_present else ENTERED_AS_OF
    return fill(template, segment=fill(SEGMENT_ID, key=leaf.key), now=context.now)


def compile_identifier(leaf: IdentifierLeaf, ids: Sequence[int] | None) -> Fragment:
    """Return the condition that some identifier of `p` in the namespace passes the test."""
    condition = fill(
        "(p.id IN (SELECT i.profile_id FROM profiles_identifier i WHERE {checks}))",
        checks=_identifier_checks(leaf, ids),
    )
    return negate(condition) if leaf.is_negated else condition


def count_identifiers(leaf: IdentifierLeaf, ids: Sequence[int]) -> Fragment:
    """Return how many identifiers of these profiles pass the test."""
    return fill(
        "(SELECT count(*) FROM profiles_identifier i WHERE {checks})",
        checks=_identifier_checks(leaf, ids),
    )


def _identifier_checks(leaf: IdentifierLeaf, ids: Sequence[int] | None) -> Fragment:
    checks = [
        fill("i.namespace = {namespace}::text", namespace=leaf.namespace),
        # An identifier that is nobody's would make IN unknown.
        Fragment("i.profile_id IS NOT NULL"),
        test_text(Fragment("i.value"), leaf.test),
    ]
    if ids is not None:
        checks.append(fill("i.profile_id = ANY({ids}::bigint[])", ids=list(ids)))
    return all_of(checks)


def compile_bucket(leaf: BucketLeaf) -> Fragment:
    """Return the condition that `p` is in a part of the circle of the salt."""
    return fill(
        "(100 * {place} >= {low}::numeric AND 100 * {place} < {high}::numeric)",
        place=fill(CIRCLE, salt=leaf.salt),
        low=leaf.low * CIRCUMFERENCE,
        high=leaf.high * CIRCUMFERENCE,
    )


def bucket_place(leaf: BucketLeaf) -> Fragment:
    """Return the place of `p` on the circle, in percent."""
    template = "(100 * {place} / {whole}::numeric)"
    return fill(template, place=fill(CIRCLE, salt=leaf.salt), whole=CIRCUMFERENCE)


def compile_geo(leaf: GeoLeaf) -> Fragment:
    """Return the condition that the trait of `p` is a point that is near enough."""
    return fill(
        "coalesce({distance} <= {km}::float8, FALSE)",
        distance=distance_km(leaf),
        km=leaf.within_km,
    )


def distance_km(leaf: GeoLeaf) -> Fragment:
    """Return the distance of the trait of `p` from the point, NULL where the trait is no point."""
    lat, lon = (Element(TRAITS, (*leaf.key, part)) for part in ("lat", "lon"))
    return fill(
        "CASE WHEN {is_lat} AND {is_lon} THEN"
        " CASE WHEN {lat}::numeric BETWEEN -90 AND 90 AND {lon}::numeric BETWEEN -180 AND 180"
        # Rounded far below a millimetre: a smaller number may be no float.
        " THEN segments_distance(round({lat}::numeric, 12)::float8,"
        " round({lon}::numeric, 12)::float8, {of_lat}::float8, {of_lon}::float8) END END",
        is_lat=is_type(lat, "number"),
        is_lon=is_type(lon, "number"),
        lat=json_value(lat),
        lon=json_value(lon),
        of_lat=leaf.lat,
        of_lon=leaf.lon,
    )
