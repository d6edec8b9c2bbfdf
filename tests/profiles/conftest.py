"""A key that reads profiles."""

import pytest
from rest_framework.test import APIClient

from profiles.models.access import Scope
from tests.factories import make_client


@pytest.fixture
def reader() -> APIClient:
    return make_client(Scope.PROFILES_READ)
