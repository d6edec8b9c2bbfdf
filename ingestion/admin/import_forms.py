"""The forms by which staff upload a file and say what its columns mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from ingestion.imports.formats import DATE_PATTERNS, NAMED
from ingestion.imports.inspect import Column, Inspection
from ingestion.imports.mapping import CALLS, NAMED_KINDS, STATES, Kind
from ingestion.models import SavedMapping
from profiles.admin.kit.masks import Mask
from profiles.models import Source

CALL_WORDS = {
    "identify": _("describe people"),
    "track": _("say what people did"),
    "consent": _("say what people permitted"),
}
FORMAT_WORDS = {
    "text": _("text, as it stands"),
    "number": _("number: 12.50"),
    "decimal_comma": _("number: 1.234,50"),
    "decimal_point": _("number: 1,234.50"),
    "boolean": _("yes or no"),
    "iso": _("time: 2026-01-31T12:00:00Z"),
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1250", "cp1251", "cp850", "mac_roman")
DELIMITERS = {
    ",": _("comma"),
    ";": _("semicolon"),
    "\t": _("tab"),
    "|": _("bar"),
    "whitespace": _("blanks"),
}


class UploadForm(forms.Form):
    """A file and the source that it is of."""

    source = forms.ModelChoiceField(
        label=_("Source"), queryset=Source.objects.order_by("key"), widget=UnfoldAdminSelectWidget
    )
    file = forms.FileField(
        label=_("File"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("CSV, TSV, JSON lines, Excel or Parquet, also packed by gzip or zip."),
    )


class MappingForm(forms.Form):
    """How the file is read and what its rows mean; the columns have fields of their own."""

    encoding = forms.ChoiceField(label=_("Encoding"), required=False)
    delimiter = forms.ChoiceField(label=_("Cells are parted by"), required=False)
    has_header = forms.BooleanField(label=_("The first row names the columns"), required=False)
    call = forms.ChoiceField(label=_("The rows"), choices=[(c, CALL_WORDS[c]) for c in CALLS])
    event = forms.CharField(label=_("Name of the event"), required=False, max_length=255)
    purpose = forms.CharField(label=_("Purpose"), required=False, max_length=63)
    state = forms.ChoiceField(
        label=_("State of all consents"),
        required=False,
        choices=[("", "—"), *((state, state) for state in STATES)],
    )
    as_of = forms.CharField(
        label=_("When the rows were true"),
        required=False,
        help_text=_("Where no column has a time, such as 2026-01-31."),
    )
    timezone = forms.CharField(label=_("Time zone"), required=False, initial="UTC")
    evidence = forms.CharField(
        label=_("What people agreed to, word for word"),
        required=False,
        help_text=_("Without these words an imported consent permits nothing."),
    )
    save_as = forms.SlugField(
        label=_("Keep this mapping as"), required=False, max_length=63, help_text=_("A short key.")
    )

    def __init__(self, *args: Any, inspection: Inspection, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reading = inspection.reading
        self.choose("encoding", reading.encoding, {name: name for name in ENCODINGS})
        self.choose("delimiter", reading.delimiter, DELIMITERS)
        if reading.format != "csv":
            del self.fields["encoding"], self.fields["delimiter"]
        for field in self.fields.values():
            if isinstance(field, forms.ChoiceField):
                field.widget = UnfoldAdminSelectWidget(choices=field.choices)
            elif not isinstance(field, forms.BooleanField):
                field.widget = UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"})

    def choose(self, name: str, current: str, words: Mapping[str, Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (for the type checker)
        field.choices = list({current: current, **words}.items())


@dataclass(frozen=True, slots=True)
class ColumnField:
    """One column on the page: what it holds, and what it is mapped to."""

    place: int
    column: Column
    examples: Sequence[str]
    target: str
    format: str
    formats: Sequence[tuple[str, Any]]

    @property
    def percent(self) -> int:
        return round(self.column.filled * 100)


def column_fields(
    inspection: Inspection, mapping: Mapping[str, Any], mask: Mask
) -> list[ColumnField]:
    """Return the columns of a file with the targets of a mapping."""
    return [
        ColumnField(
            place,
            column,
            column.examples if mask.is_open else [str(mask.tree(e)) for e in column.examples],
            mapping["columns"].get(column.name, ""),
            mapping.get("formats", {}).get(column.name, ""),
            _format_choices(column),
        )
        for place, column in enumerate(inspection.columns)
    ]


def initial_of(mapping: Mapping[str, Any], inspection: Inspection) -> dict[str, Any]:
    """Return the fields of the form for a mapping."""
    fields = {name: mapping.get(name, "") for name in ("call", "event", "purpose", "state")}
    fields["as_of"] = mapping.get("as_of", "")
    fields["timezone"] = mapping.get("timezone", "UTC")
    fields["evidence"] = mapping.get("evidence", {}).get("text", "")
    reading = inspection.reading
    return fields | {
        "encoding": reading.encoding,
        "delimiter": reading.delimiter,
        "has_header": reading.has_header,
    }


def reading_of(fields: Mapping[str, Any], inspection: Inspection) -> dict[str, Any]:
    """Return how the file is to be read, as the form says."""
    reading = inspection.reading.as_stored()
    if reading["format"] == "csv":
        reading |= {name: fields[name] or reading[name] for name in ("encoding", "delimiter")}
    return reading | {"has_header": fields["has_header"]}


def mapping_of(
    fields: Mapping[str, Any], posted: Mapping[str, str], columns: Sequence[str]
) -> dict[str, Any]:
    """Return the mapping that the form says; columns without a target are left out."""
    targets = {name: posted.get(f"target-{n}", "").strip() for n, name in enumerate(columns)}
    formats = {name: posted.get(f"format-{n}", "") for n, name in enumerate(columns)}
    mapping: dict[str, Any] = {
        "call": fields["call"],
        "columns": {name: target for name, target in targets.items() if target},
    }
    given = {name: formats[name] for name in mapping["columns"] if formats[name]}
    if given:
        mapping["formats"] = given
    for name in ("event", "purpose", "state", "as_of"):
        if fields[name]:
            mapping[name] = fields[name]
    if fields["timezone"] not in ("", "UTC"):
        mapping["timezone"] = fields["timezone"]
    if fields["evidence"]:
        mapping["evidence"] = {"text": fields["evidence"]}
    return mapping


def suggested_targets(columns: Sequence[Column], purposes: Sequence[str]) -> list[str]:
    """Return what a column may become, for the field to offer."""
    plain = [str(kind) for kind in Kind if kind not in NAMED_KINDS]
    consents = [f"consents.{purpose}" for purpose in purposes]
    return [*plain, "identifiers.", "traits.", "properties.", "evidence.text", *consents]


def saved_mappings() -> QuerySet[SavedMapping]:
    return SavedMapping.objects.order_by("key")


def _format_choices(column: Column) -> list[tuple[str, Any]]:
    """Return the formats that a column may have, with the one that was found out first."""
    usual = FORMAT_WORDS.get(column.format, column.format)
    patterns = dict.fromkeys((column.format, *column.other_formats, *DATE_PATTERNS))
    dates = [name for name in patterns if name not in NAMED]
    words = [(name, FORMAT_WORDS[name]) for name in NAMED]
    return [("", _("found: %(format)s") % {"format": usual}), *words, *((d, d) for d in dates)]
