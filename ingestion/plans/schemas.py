"""JSON Schemas of a plan, held to what is bounded before they are compiled.

Invariant: a schema reads nothing from outside, ends, and costs at most its bound times the message.
It has keywords of a closed list, references only to its own `$defs` without a circle, and patterns
without backtracking.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

MAX_NODES = 2000  # with each reference counted as what it refers to
MAX_PATTERN = 256
_PATTERNS = RegexOptions(size_limit=100_000, dfa_size_limit=1_000_000)
_DEFINITIONS = "$defs"
_REFERENCE = f"#/{_DEFINITIONS}/"
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas", _DEFINITIONS})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SCHEMAS = frozenset(
    {
        "items",
        "additionalProperties",
        "contains",
        "propertyNames",
        "not",
        "if",
        "then",
        "else",
    }
)
_VALUES = frozenset(
    {
        "$comment",
        "$ref",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "type",
        "enum",
        "const",
        "format",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "required",
        "minProperties",
        "maxProperties",
        "dependentRequired",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minContains",
        "maxContains",
    }
)
KEYWORDS = _MAPS | _LISTS | _SCHEMAS | _VALUES


class Fault(NamedTuple):
    """One thing that is wrong with a plan: where, a stable code, and what would be right."""

    path: str
    code: str
    detail: str


class SchemaFault(ValueError):
    """A schema is refused: where, a stable code, and what would be right."""

    def __init__(self, path: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(path, code, detail)


def compile_schema(schema: Any, path: str) -> Draft202012Validator:
    """Return the validator of a schema that stands at a path. Raises SchemaFault."""
    if not isinstance(schema, dict):
        raise SchemaFault(path, "not_an_object", "A JSON Schema, which is an object.")
    _Bounds(schema, path).check()
    try:
        return Draft202012Validator(
            schema,
            pattern_options=_PATTERNS,
            validate_formats=True,
            ignore_unknown_formats=False,
        )
    except ValidationError as error:
        place = ".".join([path, *map(str, error.instance_path)])
        raise SchemaFault(place, "invalid_schema", error.message[:300]) from None


def names_in(schema: Any) -> Iterator[str]:
    """Yield the names of properties that a schema has, at any depth."""
    if not isinstance(schema, dict):
        return
    yield from schema.get("properties", ())
    yield from schema.get("required", ())
    yield from schema.get("dependentRequired", ())
    for listed in schema.get("dependentRequired", {}).values():
        yield from listed
    for keyword, value in schema.items():
        for each, _ in _children(keyword, value, ""):
            yield from names_in(each)


class _Bounds:
    """Walks one schema, and counts what it costs with its references followed."""

    def __init__(self, schema: Mapping[str, Any], path: str) -> None:
        definitions = schema.get(_DEFINITIONS)
        self._schema = schema
        self._definitions = definitions if isinstance(definitions, dict) else {}
        self._path = path
        self._sizes: dict[str, int] = {}
        self._open: set[str] = set()

    def check(self) -> None:
        """Raises SchemaFault."""
        self._size(self._schema, self._path)

    def _size(self, schema: Any, path: str) -> int:
        if not isinstance(schema, dict):
            return 1
        size = 1
        for keyword, value in schema.items():
            place = f"{path}.{keyword}"
            if keyword not in KEYWORDS:
                raise SchemaFault(place, "unknown_keyword", "No keyword that plans take.")
            size += self._size_of_keyword(keyword, value, place)
            if size > MAX_NODES:
                raise SchemaFault(path, "too_large", f"At most {MAX_NODES} schemas in one.")
        return size

    def _size_of_keyword(self, keyword: str, value: Any, place: str) -> int:
        if keyword == "$ref":
            return self._size_of_reference(value, place)
        if keyword == "pattern":
            _check_pattern(value, place)
        if keyword == "patternProperties" and isinstance(value, dict):
            for pattern in value:
                _check_pattern(pattern, place)
        return sum(self._size(each, at) for each, at in _children(keyword, value, place))

    def _size_of_reference(self, reference: Any, place: str) -> int:
        name = str(reference).removeprefix(_REFERENCE)
        if name == reference or name not in self._definitions:
            raise SchemaFault(place, "unknown_reference", f"{_REFERENCE}NAME, of this schema.")
        if name in self._open:
            raise SchemaFault(place, "circular_reference", "A schema cannot refer to itself.")
        if name not in self._sizes:
            self._open.add(name)
            at = f"{self._path}.{_DEFINITIONS}.{name}"
            self._sizes[name] = self._size(self._definitions[name], at)
            self._open.remove(name)
        return self._sizes[name]


def _children(keyword: str, value: Any, place: str) -> Iterator[tuple[Any, str]]:
    """Yield the schemas below a keyword with their paths; what has the wrong type has none."""
    if keyword in _MAPS and isinstance(value, dict):
        yield from ((each, f"{place}.{name}") for name, each in value.items())
    elif keyword in _LISTS and isinstance(value, list):
        yield from ((each, f"{place}.{number}") for number, each in enumerate(value))
    elif keyword in _SCHEMAS:
        yield value, place


def _check_pattern(pattern: Any, place: str) -> None:
    if isinstance(pattern, str) and len(pattern) > MAX_PATTERN:
        raise SchemaFault(place, "too_long", f"At most {MAX_PATTERN} characters.")
