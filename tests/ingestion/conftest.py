"""Fixtures: a source, a function that sends messages, and one that finds profiles."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.test import Client

from ingestion.services import drain_inbox
from profiles.models import Identifier, Profile, Source
from tests.factories import make_source, make_write_key

Send = Callable[..., Any]


@pytest.fixture
def shop(db: None) -> Source:
    return make_source(key="shop")


@pytest.fixture
def send(client: Client, shop: Source) -> Send:
    """A function that sends messages as one batch, drains them, and returns the response."""
    keys = {kind: make_write_key(shop, kind=kind) for kind in ("secret", "public")}

    def _send(
        *messages: dict[str, Any], kind: str = "secret", drain: bool = True, **more: Any
    ) -> Any:
        body = {"batch": list(messages)} | more.pop("envelope", {})
        response = client.post(
            "/v1/batch" + more.pop("query", ""),
            msgspec.json.encode(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {more.pop('key', keys[kind])}"} | more,
        )
        if drain:
            drain_inbox()
        return response

    return _send


@pytest.fixture
def holder() -> Callable[[str], Profile | None]:
    """A function that returns the profile of `namespace:value`."""

    def _holder(reference: str) -> Profile | None:
        namespace, _, value = reference.partition(":")
        holders = Identifier.objects.filter(namespace=namespace, value=value)
        return Profile.objects.filter(pk__in=holders.values("profile_id")).first()

    return _holder
