"""JSON whose numbers stay exact: 0.1 in a definition is a tenth, not the nearest float."""

import json
import re
import secrets
from decimal import Decimal
from typing import Any

from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

from profiles.api.kit.parsers import JudgingJSONParser

# Python's encoder cannot write a Decimal as a number. It is written as text that starts with a mark
# which nobody can guess, and mark and quotes are removed afterwards.
MARK = secrets.token_hex(8)
MARKED = re.compile(f'"{MARK}([^"]*)"')


class ExactJSONParser(JudgingJSONParser):
    """Parses numbers with a decimal point as Decimal."""

    def numbers_of(self, value: Any) -> Any:
        return value


class ExactJSONEncoder(JSONEncoder):
    """Writes Decimal as a number."""

    def default(self, obj: object) -> object:
        return f"{MARK}{obj}" if isinstance(obj, Decimal) else super().default(obj)

    def encode(self, obj: object) -> str:
        return MARKED.sub(r"\1", json.JSONEncoder.encode(self, obj))


class ExactJSONRenderer(JSONRenderer):
    """Renders Decimal as a number."""

    encoder_class = ExactJSONEncoder
