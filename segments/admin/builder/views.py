"""The views of the builder: one applies operations, one suggests. Neither writes anything."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from profiles.admin.kit.base import TesseraAdmin
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.masks import mask_for
from profiles.lib import exact_json
from profiles.models import TraitDefinition
from profiles.services import Category
from segments.admin.builder import catalogue, suggestions
from segments.admin.builder.blanks import set_operator
from segments.admin.builder.operations import Change, Operation, apply
from segments.admin.builder.outline import outline
from segments.admin.builder.paths import look_up, parent_of, split_path
from segments.admin.builder.suggestions import Search, Suggestion
from segments.admin.builder.tree import Node, anchor_of
from segments.admin.forms import EMPTY, SENSITIVE, formatted_definition
from segments.admin.new_segment import initial_from
from segments.definitions.sensitivity import load_sensitivity
from segments.definitions.words import unknown_words_so_far
from segments.language.operands import DefinitionError, Fault
from segments.language.parser import parse
from segments.language.phrases import language_of
from segments.language.words import describe
from segments.services import check_definition

# The operator that a trait of each type is mostly asked with.
USUAL_OPERATORS = {
    TraitDefinition.Type.NUMBER: "gte",
    TraitDefinition.Type.DATE: "in_last",
    TraitDefinition.Type.LIST: "includes",
}
MAX_QUERY = 200


@dataclass(frozen=True, slots=True)
class Built:
    """What the builder shows of a definition."""

    text: str
    root: Node
    sentence: str
    others: list[Fault]
    change: Change

    @property
    def focus(self) -> str:
        return anchor_of(self.change.focus, "n")


class BuilderActions:
    """The views of the builder in the admin of segments."""

    def builder_urls(self: Any) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("builder/", view(self.build), name="segments_segment_build"),
            path("builder/suggestions/", view(self.suggestions), name="segments_segment_suggest"),
            path("templates/", view(self.templates), name="segments_segment_templates"),
        ]

    def build(self: Any, request: HttpRequest) -> HttpResponse:
        """Apply an operation to the definition in the form, and return what the builder shows."""
        require_writer(request)
        text = request.POST.get("definition", "")
        operation = read_operation(request)
        key = request.POST.get("segment", "") or request.POST.get("key", "")
        built = build(text, operation, key=key, may_count=request.user.has_perm(SEE_CONTACTS))
        context = {"built": built, **builder_urls()}
        page: HttpResponse = self.page(
            request, "admin/segments/builder/tree.html", title=_("Builder"), **context
        )
        return page

    def suggestions(self: Any, request: HttpRequest) -> HttpResponse:
        """Return the options of a field."""
        require_writer(request)
        return options_page(self, request, EMPTY, suggestions.suggest)

    def templates(self: Any, request: HttpRequest) -> HttpResponse:
        """List the templates that a search finds, each with what it needs of the store."""
        require_writer(request)
        query, kind = request.GET.get("q", "")[:MAX_QUERY], request.GET.get("kind", "")
        page: HttpResponse = self.page(
            request,
            "admin/segments/templates.html",
            title=_("Templates"),
            templates=catalogue.find_templates(query, kind),
            query=query,
            kind=kind,
            kinds=catalogue.KINDS.items(),
        )
        return page

    def get_changeform_initial_data(self: Any, request: HttpRequest) -> dict[str, Any]:
        """Start a new segment from the template, or the segments, that the address names."""
        if "in" in request.GET:
            return initial_from(request.GET)
        template = catalogue.find_template(request.GET.get("template", ""))
        if template is None:
            return {}
        return {"name": template.name, "key": template.key, "definition": template.definition}


def options_page(
    admin: TesseraAdmin,
    request: HttpRequest,
    empty: dict[str, Any],
    suggest: Callable[[Search], list[Suggestion]],
) -> HttpResponse:
    """Render what is suggested for the field that the request names."""
    search = Search(
        read_definition(request.POST.get("definition", "")) or empty,
        request.POST.get("path", "")[:MAX_QUERY],
        request.POST.get("query", "")[:MAX_QUERY].replace("\x00", ""),
        mask_for(request),
    )
    return admin.page(
        request,
        "admin/segments/builder/options.html",
        title=_("Suggestions"),
        options=suggest(search) if split_path(search.path) else [],
        list_id=anchor_of(search.path, "o"),
    )


def require_writer(request: HttpRequest) -> None:
    """Raise PermissionDenied unless the user may write segments."""
    if not (
        request.user.has_perm("segments.add_segment")
        or request.user.has_perm("segments.change_segment")
    ):
        raise PermissionDenied


def builder_urls() -> dict[str, str]:
    return {
        "build_url": reverse("admin:segments_segment_build"),
        "suggest_url": reverse("admin:segments_segment_suggest"),
        "preview_url": reverse("admin:segments_segment_preview"),
    }


def read_operation(request: HttpRequest) -> Operation:
    index = request.POST.get("index", "")
    return Operation(
        request.POST.get("op", ""),
        request.POST.get("path", "")[:1000],
        request.POST.get("value", ""),
        request.POST.get("as", "text"),
        int(index) if index.isdecimal() and len(index) < 5 else 0,
    )


def read_definition(text: str) -> Any:
    """Return the definition in a text, None where it is no JSON object."""
    try:
        value = exact_json.read(text.encode(errors="replace"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def build(text: str, operation: Operation, *, key: str = "", may_count: bool = True) -> Built:
    """Return what the builder shows of a definition after an operation."""
    definition = read_definition(text)
    if definition is None:
        fault = Fault("", "json", _("This is not a definition in JSON; nothing was changed."))
        return Built(text, outline(EMPTY), "", [fault], Change(EMPTY))
    change = apply(definition, operation)
    if not isinstance(change.definition, dict):
        change = Change(definition)
    _suit_trait(change.definition, operation)
    faults = list(_faults(change.definition, key, may_count=may_count))
    root = outline(change.definition, faults, unknown_words_so_far(change.definition))
    return Built(
        formatted_definition(change.definition),
        root,
        sentence_of(change.definition),
        [] if root.children else root.faults,
        change,
    )


def _suit_trait(definition: Any, operation: Operation) -> None:
    """Give a trait that was just named the operator that its type is mostly asked with."""
    if operation.name != "set" or not operation.path:
        return
    above, field = parent_of(operation.path)
    leaf = look_up(definition, above) if above else definition
    if field != "key" or not isinstance(leaf, dict) or leaf.get("type") != "trait":
        return
    trait_type = suggestions.trait_type(str(leaf.get("key", "")))
    is_fresh = leaf.get("operator") == "equals" and leaf.get("value", "") == ""
    if is_fresh and trait_type == TraitDefinition.Type.BOOLEAN:
        leaf["value"] = True
    elif is_fresh and (operator := USUAL_OPERATORS.get(TraitDefinition.Type(trait_type or "text"))):
        set_operator(leaf, operator)


def _faults(definition: Any, key: str, *, may_count: bool) -> Iterator[Fault]:
    try:
        check_definition(definition, key=key)
    except DefinitionError as error:
        yield from error.errors
        return
    if not may_count and load_sensitivity().of(definition) != Category.ORDINARY:
        yield Fault("", "sensitive", str(SENSITIVE))


def sentence_of(definition: Any) -> str:
    """Return the definition in words of the user's language, empty while it has faults."""
    language = language_of(get_language())
    try:
        return describe(parse(definition), language)
    except DefinitionError:
        return ""


def shown_builder(request: HttpRequest, text: str, key: str) -> dict[str, Any]:
    """Return the context of the builder on the page of a segment."""
    built = build(text, Operation("show"), key=key, may_count=request.user.has_perm(SEE_CONTACTS))
    return {"built": built, "segment_key": key, **builder_urls()}
