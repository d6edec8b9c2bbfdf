"""People of a segment that is exported, and what came out of an export."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from consent.models import ConsentState, Purpose
from profiles.models import Profile
from profiles.services import Actor
from segments.exports.columns import column_choices, read_columns
from segments.models import MemberExport, Segment
from segments.services import (
    ExportOrder,
    Link,
    create_segment,
    make_link,
    order_export,
    rebuild,
)
from tests.factories import TESTER, make_profile

EVERYONE = {"type": "everyone"}
IN_LYON = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}


def permit(profile: Profile, purpose: Purpose, **state: Any) -> None:
    values = {"state": "given", "version": 1} | state
    ConsentState.objects.filter(profile_id=profile.pk, purpose=purpose).delete()
    ConsentState.objects.create(profile_id=profile.pk, purpose=purpose, **values)


def make_people(number: int, purpose: Purpose, **traits: Any) -> list[Profile]:
    profiles = []
    for place in range(number):
        profile = make_profile(f"email:export{place}@example.org")
        Profile.objects.filter(pk=profile.pk).update(traits={"city": "Lyon", **traits})
        permit(profile, purpose)
        profiles.append(profile)
    return profiles


def make_segment(purpose: Purpose | None, *, key: str = "all") -> Segment:
    segment = create_segment(
        key=key,
        name=key.capitalize(),
        definition=EVERYONE,
        purpose=purpose,
        actor=TESTER,
        status="live",
    )
    rebuild([segment.key])
    segment.refresh_from_db()
    return segment


def order_of(*, columns: Sequence[str] = (), **fields: Any) -> ExportOrder:
    """An order of some people, as CSV and for the purpose of their segment."""
    chosen = read_columns(columns, column_choices())
    return ExportOrder(**{"purpose": None, "format": "csv", "columns": chosen} | fields)


def body_of(response: Any) -> bytes:
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content)


def lines_of(response: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body_of(response).splitlines()]


def linked(**fields: Any) -> tuple[MemberExport, Link]:
    export = order_export(order_of(**fields), actor=TESTER)
    return export, make_link(export, hours=1, actor=TESTER)


def fetched(code: str) -> Any:
    return Client().post("/exports/", {"code": code})


def staff(name: str, address: str = "") -> Actor:
    return Actor.staff(User.objects.create(username=name, email=address, is_staff=True))
