"""Fixtures of segments: a receiver of webhooks, a segment that it hears of, and a tool."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from segments.services import create_segment, rebuild
from tests.factories import TESTER, make_purpose
from tests.receivers import Receiver, receiving
from tests.segments.listening import LYON
from tests.tools import People, serving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def lyon() -> Any:
    purpose = make_purpose("newsletter", now=timezone.now())
    segment = create_segment(
        key="lyon", name="Lyon", definition=LYON, purpose=purpose, status="live", actor=TESTER
    )
    rebuild(["lyon"])
    return segment


@pytest.fixture
def people() -> Iterator[People]:
    with serving(People()) as service:
        yield service
