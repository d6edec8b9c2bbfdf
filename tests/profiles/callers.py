"""Helpers of the tests of the profiles API."""

from django.db import connection
from rest_framework.test import APIClient

from profiles.models import Profile
from tests.factories import NOW


def join_segment(profile: Profile, key: str) -> None:
    """Insert a membership as the segments app does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO segments_segment"
            " (key, name, description, definition, status, version, size)"
            " VALUES (%s, %s, '', '{}', 'live', 1, 1)"
            " ON CONFLICT (key) WHERE NOT status = 'archived'"
            " DO UPDATE SET size = segments_segment.size + 1 RETURNING id",
            [key, key.title()],
        )
        cursor.execute(
            "INSERT INTO segments_membership (profile_id, segment_id, entered_at)"
            " VALUES (%s, %s, %s)",
            [profile.pk, cursor.fetchone()[0], NOW],
        )


def ids(client: APIClient, query: str = "") -> set[str]:
    response = client.get(f"/api/v1/profiles/{query}")
    assert response.status_code == 200, response.json()
    return {row["id"] for row in response.json()["results"]}
