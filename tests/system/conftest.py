"""Fixtures that run the product."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.factories import make_api_key
from tests.system.product import Product

Launch = Callable[..., Product]


@pytest.fixture
def launch(committing_db: str, tmp_path: Path) -> Iterator[Launch]:
    """A function that starts programs with settings of their own. They end with the test."""
    products: list[Product] = []

    def _launch(*programs: str, **settings: str) -> Product:
        product = Product(tmp_path, committing_db, **settings)
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
