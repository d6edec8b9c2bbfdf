"""RabbitMQ as the broker, and PgBouncer in transaction mode before the database.

A few tests of each. `TEST_BEHIND=rabbitmq,pgbouncer pytest tests/system` runs all programs of all
tests of this folder behind both.
"""

import random
import time

import pytest

from ingestion.models import InboxRow
from profiles.models import Event, Profile
from tests.factories import make_write_key
from tests.system.conftest import Launch
from tests.system.product import Product, wait_until
from tests.system.traffic import events_among, messages


@pytest.fixture(params=["rabbitmq", "pgbouncer"])
def product_behind(request: pytest.FixtureRequest, launch: Launch) -> Product:
    """The product with one of the two servers."""
    settings = request.getfixturevalue(request.param)
    return launch("web", "worker", "beat", **settings)


def test_messages_take_effect(product_behind: Product) -> None:
    key = make_write_key()
    assert product_behind.call("GET", "/readyz").status == 200
    assert product_behind.send(key, *messages(0, 40)).status == 200
    wait_until(lambda: Event.objects.count() == len(events_among(range(40))), seconds=60)
    wait_until(lambda: not InboxRow.objects.exists())
    assert Profile.objects.exists()


def test_a_killed_worker_loses_nothing_and_doubles_nothing(product_behind: Product) -> None:
    key, chance = make_write_key(), random.Random(7)
    for start in range(0, 200, 20):
        product_behind.send_until_accepted(key, *messages(start, start + 20))
        if chance.random() < 0.4:
            time.sleep(chance.random())
            product_behind.kill("worker")
            product_behind.start("worker")
    wait_until(lambda: not InboxRow.objects.exists(), seconds=90)
    assert Event.objects.count() == len(events_among(range(200)))
