"""Tests of the whole product: under load, with races, and while its parts are killed."""

import pytest

# So that failed assertions in these helpers show their values, as those of tests do.
pytest.register_assert_rewrite("tests.system.product", "tests.system.soundness")
