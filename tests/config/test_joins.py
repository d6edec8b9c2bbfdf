"""No statement joins what lies on different machines where the store is spread over many."""

import importlib
from itertools import combinations

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from profiles.models import AuditEntry, Identifier, IdentityOutcome, Profile
from tests.joins import constants, faults_of, normalised, observed
from tests.statements import statement_modules

MODULES = [*statement_modules(), "config.site.sql"]
# One table of each place, with the column that another would be joined by.
PLACES = {
    "profiles_profile": "id",
    "profiles_event": "profile_id",
    "profiles_identifier": "profile_id",
    "profiles_identityoutcome": "identifier_id",
    "consent_consentevent": "identifier_id",
}
TOGETHER = [
    {"profiles_profile", "profiles_event"},
    {"profiles_identityoutcome", "consent_consentevent"},
]
JOINS = {
    "join": "SELECT 1 FROM {one} a JOIN {other} b ON a.{x} = b.{y}",
    "outer join": "SELECT 1 FROM {one} a LEFT JOIN {other} b ON a.{x} = b.{y}",
    "list": "SELECT 1 FROM {one} a, {other} b WHERE a.{x} = b.{y}",
    "update": "UPDATE {one} a SET seen = b.seen FROM {other} b WHERE a.{x} = b.{y}",
    "delete": "DELETE FROM {one} a USING {other} b WHERE a.{x} = b.{y}",
    "exists": "SELECT 1 FROM {one} a "
    "WHERE NOT EXISTS (SELECT 1 FROM {other} b WHERE a.{x} = b.{y})",
    "scalar": "SELECT (SELECT b.seen FROM {other} b WHERE a.{x} = b.{y}) FROM {one} a",
    "lateral": "SELECT 1 FROM {one} a, LATERAL (SELECT 1 FROM {other} b WHERE a.{x} = b.{y}) c",
    "within a CTE": "WITH w AS (SELECT 1 FROM {one} a JOIN {other} b ON a.{x} = b.{y}) TABLE w",
    "beneath an insert": "INSERT INTO t SELECT 1 FROM {one} a JOIN {other} b ON a.{x} = b.{y}",
}
APART = {
    "ids first": "SELECT 1 FROM {one} a WHERE a.{x} IN (SELECT b.{y} FROM {other} b)",
    "a CTE": "WITH b AS MATERIALIZED (SELECT {y} FROM {other}) "
    "SELECT 1 FROM {one} a WHERE a.{x} IN (SELECT b.{y} FROM b)",
    "a union": "SELECT {x} FROM {one} UNION SELECT {y} FROM {other}",
    "a difference": "SELECT {x} FROM {one} EXCEPT SELECT {y} FROM {other}",
}


@pytest.mark.parametrize("module", MODULES)
def test_no_constant_joins_across_machines(module: str) -> None:
    statements = constants(importlib.import_module(module))
    assert [(name, fault) for name, text in statements for fault in faults_of(text)] == []


@given(st.sampled_from(list(combinations(PLACES, 2))), st.sampled_from(list(JOINS)), st.booleans())
def test_every_kind_of_join_is_seen(pair: tuple[str, str], join: str, is_turned: bool) -> None:
    one, other = pair[::-1] if is_turned else pair
    text = JOINS[join].format(one=one, other=other, x=PLACES[one], y=PLACES[other])
    assert bool(faults_of(text)) == (set(pair) not in TOGETHER)


@given(st.sampled_from(list(combinations(PLACES, 2))), st.sampled_from(list(APART)))
def test_what_is_read_apart_is_none(pair: tuple[str, str], kind: str) -> None:
    one, other = pair
    text = APART[kind].format(one=one, other=other, x=PLACES[one], y=PLACES[other])
    assert faults_of(text) == []


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "SELECT 1 FROM unnest(%s) AS w (id) WHERE NOT EXISTS"
            " (SELECT 1 FROM profiles_event e WHERE e.profile_id = w.id)",
            "asks a spread table for each row of what is not spread",
        ),
        (
            "UPDATE segments_segment s SET size ="
            " (SELECT count(*) FROM segments_membership m WHERE m.segment_id = s.id)",
            "asks a spread table for each row of what is not spread",
        ),
        (
            "SELECT s.profile_id FROM profiles_eventstat s GROUP BY s.profile_id HAVING sum("
            "(SELECT count(*) FROM profiles_event e WHERE e.profile_id = s.profile_id)) > 1",
            "asks a spread table within HAVING",
        ),
        (
            "UPDATE profiles_event SET profile_id = %s WHERE id = %s",
            "moves a row of profiles_event to another machine",
        ),
        (
            "INSERT INTO profiles_traitlock AS t (id) VALUES (%s) ON CONFLICT (id)"
            " DO UPDATE SET reason = excluded.reason",
            "looks for conflicts of profiles_traitlock without profile_id",
        ),
        (
            "INSERT INTO consent_consentstate (profile_id) VALUES (%s)"
            " ON CONFLICT (profile_id, purpose_id) DO UPDATE SET updated_at = now()",
            "calls a function in DO UPDATE that may differ between machines",
        ),
        (
            "SELECT 1 FROM profiles_identifier a JOIN profiles_identifier b ON a.id = b.id",
            "joins identifiers with each other, which lie by their value",
        ),
    ],
)
def test_what_else_a_cluster_refuses_is_seen(statement: str, fault: str) -> None:
    assert fault in faults_of(statement)


@pytest.mark.django_db
def test_the_orm_is_watched_in_every_test() -> None:
    across = (
        Profile.objects.filter(identifiers__value="x"),
        Identifier.objects.select_related("profile"),
        AuditEntry.objects.filter(body__identifier__profile=1),
        IdentityOutcome.objects.select_related("wanter"),
    )
    for queryset in across:
        list(queryset)
    assert len(observed) == len(across)
    observed.clear()
    list(Profile.objects.filter(pk__in=Identifier.objects.values("profile_id")))
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert not observed


def test_lists_of_any_length_are_one_statement() -> None:
    assert normalised("a IN (%s, %s, %s) AND b = %s") == "a IN (%s) AND b = %s"
