"""What tests of the profiles API ask of it, and a membership to ask about."""

from django.db import connection
from rest_framework.test import APIClient

from profiles.models import Profile
from tests.factories import NOW


def join_segment(profile: Profile, key: str) -> None:
    """A membership as the segments app writes it, whose own tests are elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO segments_segment (key, name, description, definition, status, version, size)"
            " VALUES (%s, %s, '', '{}', 'live', 1, 1)"
            " ON CONFLICT (key) DO UPDATE SET size = segments_segment.size + 1 RETURNING id",
            [key, key.title()],
        )
        cursor.execute(
            "INSERT INTO segments_membership (profile_id, segment_id, entered_at) VALUES (%s, %s, %s)",
            [profile.pk, cursor.fetchone()[0], NOW],
        )


def ids(client: APIClient, query: str = "") -> set[str]:
    answer = client.get(f"/api/v1/profiles/{query}")
    assert answer.status_code == 200, answer.json()
    return {row["id"] for row in answer.json()["results"]}
