"""Parsing of JSON bodies, judged as the tracking API judges messages."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from profiles.api.kit.problems import problem
from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON


class JudgingJSONParser(JSONParser):
    """Parses a body whose numbers are in range, and its texts as NFC.

    Numbers with a decimal point become floats, which serializers expect.
    """

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return self.numbers_of(exact_json.read(stream.read(), repairs=False))
        except UnreadableJSON as error:
            if error.code in ("not_json", "not_utf8"):
                raise ParseError(f"JSON parse error: {error.detail} is expected.") from None
            raise problem(error.path, error.code, f"Must be {error.detail}.") from None

    def numbers_of(self, value: Any) -> Any:
        """Return the value with the kind of numbers that the view works with."""
        return exact_json.with_floats(value)
