"""The whole product under load, harm and races. What its modules assert says what it saw, like a test."""

import pytest

pytest.register_assert_rewrite("tests.system.product", "tests.system.soundness")
