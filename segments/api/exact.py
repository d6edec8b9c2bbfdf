"""JSON whose numbers stay exact: 0.1 in a definition is a tenth, not the nearest float."""

import json
import re
import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

from profiles.lib import exact_json

# Python's encoder cannot write a Decimal as a number. It is written as text that starts with a mark
# which nobody can guess, and mark and quotes are removed afterwards.
MARK = secrets.token_hex(8)
MARKED = re.compile(f'"{MARK}([^"]*)"')


class ExactJSONParser(JSONParser):
    """Parses numbers with a decimal point as Decimal."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return exact_json.loads_from_outside(stream.read())
        except ValueError as error:
            raise ParseError(f"JSON parse error: {error}") from None


class ExactJSONEncoder(JSONEncoder):
    """Writes Decimal as a number."""

    def default(self, obj: object) -> object:
        return f"{MARK}{obj}" if isinstance(obj, Decimal) else super().default(obj)

    def encode(self, obj: object) -> str:
        return MARKED.sub(r"\1", json.JSONEncoder.encode(self, obj))


class ExactJSONRenderer(JSONRenderer):
    """Renders Decimal as a number."""

    encoder_class = ExactJSONEncoder
