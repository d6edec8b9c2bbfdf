"""What no route ignores: a parameter in the URL or a field in the body that it does not know.

Ignoring a misspelt filter would return all rows, and ignoring a misspelt field would do less than
was asked for. What has no time zone is in UTC, as every answer is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer, ListSerializer, Serializer

from profiles.lib.exact_json import composed

# Query parameters that belong to the paginator and the renderer.
PAGING = frozenset({"cursor", "page_size", "format"})
READ_METHODS = ("GET", "HEAD", "OPTIONS")


class StrictRequests:
    """The base of every view of the API.

    `query_parameters` are those of an action beside the filters of a list. An action of
    `bodiless_actions` changes something and has nothing to say in a body. `refusals` are statuses
    of an action beside those that all views of its kind may answer with.
    """

    query_parameters: ClassVar[Iterable[str]] = ()
    bodiless_actions: ClassVar[Iterable[str]] = ("destroy",)
    refusals: ClassVar[Mapping[str, Iterable[int]]] = {}

    def dispatch(self: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        # Staff's own zone would give times of the 19th century an offset with seconds.
        with timezone.override(UTC):
            response: HttpResponse = super().dispatch(*args, **kwargs)  # type: ignore[misc]
        return response

    def initialize_request(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        # Texts are stored in Unicode's normal form C, and filters compare with them.
        request.GET = composed_query(request.GET)  # type: ignore[assignment]
        initialize: Callable[..., Request] = super().initialize_request  # type: ignore[misc]
        return initialize(request, *args, **kwargs)

    def initial(self: Any, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        refuse(
            (name for name in request.query_params if not self._has_parameter(request, name)),
            "unknown_filter",
            "Nothing here reads this parameter.",
        )
        refuse(
            (name for name, texts in request.query_params.lists() if "\0" in "".join(texts)),
            "null_characters_not_allowed",
            "Null characters are not allowed.",
        )
        if getattr(self, "action", None) in self.bodiless_actions and request.data:
            names = request.data if isinstance(request.data, dict) else ("",)
            refuse(names, "unknown_field", "No body is read here.")

    def _has_parameter(self: Any, request: Request, name: str) -> bool:
        if name == "format" or name in self.query_parameters:
            return True
        filters = getattr(self, "filterset_class", None)
        # REST framework filters the row of a detail route, too, where it would hide it.
        if request.method not in READ_METHODS or self.action == "retrieve":
            return False
        return name in PAGING if filters is None else filters.knows(name)


def composed_query(query: QueryDict) -> QueryDict:
    """Return the parameters with names and values in Unicode's normal form C."""
    result = QueryDict(mutable=True)
    for name, values in query.lists():
        result.setlist(composed(name), [composed(value) for value in values])
    return result


def refuse(names: Iterable[str], code: str, detail: str) -> None:
    """Raise ValidationError with a fault for each name, if there is any."""
    faults = {name: [ErrorDetail(detail, code=code)] for name in names}
    if faults:
        raise ValidationError(faults)


def unknown_fields(serializer: BaseSerializer[Any], body: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of the fields in a body that the serializer does not read."""
    match serializer, body:
        case Serializer(), dict():
            fields = serializer.fields
            for name, value in body.items():
                step = f"{path}.{name}" if path else name
                field = fields.get(name)
                if field is None or field.read_only:
                    yield step
                elif isinstance(field, BaseSerializer):
                    yield from unknown_fields(field, value, step)
        case ListSerializer(child=BaseSerializer() as child), list():
            for place, item in enumerate(body):
                yield from unknown_fields(child, item, f"{path}[{place}]")
