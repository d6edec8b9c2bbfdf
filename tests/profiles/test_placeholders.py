"""What programs send in place of an identifier names nobody, in whatever dress."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from profiles.identifiers.normalisers import is_blocked

WORDS = ("null", "undefined", "not set", "user id", "anonymous", "not authenticated", "N/A")
DRESSES = ("{}", "({})", "<{}>", "[{}]", "'{}'", '"{}"', " {}\u200b", "{}.", "\ufeff{}", "#{}")
TEMPLATES = (
    "%%USER_ID%%",
    "%user_id%",
    "{user_id}",
    "{{{ user.id }}}",
    "[[user.id]]",
    "#{user.id}",
    "<?= $id ?>",
    "*|EMAIL|*",
    "[%user_id%]",
    "[Function: id]",
    "[object Window]",
    "[native code]",
    "function () { return id }",
    "() => id",
    "Symbol(id)",
    "Optional(nil)",
    "NoneType",
    "undefined undefined",
    "null,null",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "\u0660\u0660\u0660",
    "0.0",
)
REAL = (
    "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}",
    "nullable",
    "guest-7",
    "id-42",
    "Noneli",
    "100%",
    "Na",
    "test",
    "admin",
    "O'Neil",
    "anonymous2",
    "f00",
    "ffff",
)


@given(
    st.sampled_from(WORDS),
    st.sampled_from(DRESSES),
    st.sampled_from((" ", "_", "-", "", ".")),
    st.sampled_from([str.lower, str.upper, str.title]),
    st.booleans(),
)
@example("N/A", "#{}", " ", str.upper, True)
def test_a_placeholder_is_blocked_in_every_dress(
    word: str, dress: str, between: str, case: Callable[[str], str], is_wide: bool
) -> None:
    value = dress.format(case(word.replace(" ", between)))
    if is_wide:
        value = value.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    assert is_blocked("user_id", value)


@pytest.mark.parametrize("value", TEMPLATES)
def test_what_nobody_filled_in_is_blocked(value: str) -> None:
    assert is_blocked("user_id", value)
    assert is_blocked("loyalty", value.upper())


@pytest.mark.parametrize("value", REAL)
def test_what_only_looks_like_a_placeholder_is_somebody(value: str) -> None:
    assert not is_blocked("user_id", value)


@pytest.mark.parametrize("mailbox", ["null", "undefined", "none", "no-email", "not_set", "test"])
def test_mailboxes_of_nobody_are_blocked_at_every_domain(mailbox: str) -> None:
    assert is_blocked("email", f"{mailbox}@shop.org")
    assert not is_blocked("email", f"{mailbox}.li@shop.org")
