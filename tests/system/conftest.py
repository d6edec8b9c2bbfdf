"""Fixtures that run the product, and those of segments, which systems are told of."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.factories import make_api_key
from tests.segments.conftest import lyon, people, receiver
from tests.system import servers
from tests.system.product import Product

__all__ = ["lyon", "people", "receiver"]

Launch = Callable[..., Product]
# The servers behind which all programs run, such as "rabbitmq,pgbouncer".
BEHIND = [name for name in os.environ.get("TEST_BEHIND", "").split(",") if name]


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The settings of programs that have RabbitMQ as their broker."""
    if not servers.has_rabbitmq():
        pytest.skip("RabbitMQ is not installed (Debian: rabbitmq-server)")
    with servers.rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as url:
        yield {"BROKER_URL": url}


@pytest.fixture
def pgbouncer(committing_db: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings of programs that reach the test's database by PgBouncer."""
    if servers.pgbouncer_program() is None:
        pytest.skip("PgBouncer is not installed (Debian: pgbouncer)")
    with servers.pgbouncer(tmp_path) as url:
        yield {"DATABASE_URL": f"{url}/{committing_db}?DISABLE_SERVER_SIDE_CURSORS=true"}


@pytest.fixture
def behind(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of programs that run behind the servers of TEST_BEHIND."""
    settings: dict[str, str] = {}
    for name in BEHIND:
        settings |= request.getfixturevalue(name)
    return settings


@pytest.fixture
def launch(committing_db: str, behind: dict[str, str], tmp_path: Path) -> Iterator[Launch]:
    """A function that starts programs with settings of their own. They end with the test."""
    products: list[Product] = []

    def _launch(*programs: str, **settings: str) -> Product:
        product = Product(tmp_path, committing_db, **(behind | settings))
        products.append(product)
        product.start(*programs)
        return product

    yield _launch
    for product in products:
        product.stop()


@pytest.fixture
def product(launch: Launch) -> Product:
    """The product with web, worker and beat."""
    return launch("web", "worker", "beat")


@pytest.fixture
def api_key(committing_db: str) -> str:
    """The secret of an API key with all scopes."""
    return make_api_key()
