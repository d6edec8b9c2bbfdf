"""JMESPath expressions: what is none is refused by its own error, whatever it is."""

import pytest

from profiles.lib.expressions import WrongExpression, compiled


@pytest.mark.parametrize("text", ["[" + "1" * 5000 + "]", "a[", "nothing(a)", "(" * 5000, "a-"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(WrongExpression):
        compiled(text)
