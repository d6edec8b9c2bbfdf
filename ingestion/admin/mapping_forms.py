"""The forms by which staff say what columns mean, those of a file or those of a query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from ingestion.imports.formats import DATE_PATTERNS, NAMED
from ingestion.imports.inspect import Column
from ingestion.imports.mapping import CALLS, NAMED_KINDS, STATES, Kind
from profiles.admin.kit.masks import Mask

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


class MeaningForm(forms.Form):
    """What the rows mean; the columns have fields of their own."""

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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dress()

    def dress(self) -> None:
        """Give the fields the look of the admin."""
        for field in self.fields.values():
            if isinstance(field, forms.ChoiceField):
                field.widget = UnfoldAdminSelectWidget(choices=field.choices)
            elif not isinstance(field, forms.BooleanField):
                field.widget = UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"})


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
    columns: Sequence[Column], mapping: Mapping[str, Any], mask: Mask, usual: Any = None
) -> list[ColumnField]:
    """Return the columns with the targets of a mapping.

    `usual` says how cells are spelled where nobody says it; without it, as was found out.
    """
    return [
        ColumnField(
            place,
            column,
            column.examples if mask.is_open else [str(mask.tree(e)) for e in column.examples],
            mapping["columns"].get(column.name, ""),
            mapping.get("formats", {}).get(column.name, ""),
            _format_choices(column, mapping.get("formats", {}).get(column.name, ""), usual),
        )
        for place, column in enumerate(columns)
    ]


def meaning_of(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the form for a mapping."""
    fields = {name: mapping.get(name, "") for name in ("call", "event", "purpose", "state")}
    fields["as_of"] = mapping.get("as_of", "")
    fields["timezone"] = mapping.get("timezone", "UTC")
    fields["evidence"] = mapping.get("evidence", {}).get("text", "")
    return fields


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


def suggested_targets(purposes: Sequence[str]) -> list[str]:
    """Return what a column may become, for the field to offer."""
    plain = [str(kind) for kind in Kind if kind not in NAMED_KINDS]
    consents = [f"consents.{purpose}" for purpose in purposes]
    return [*plain, "identifiers.", "traits.", "properties.", "evidence.text", *consents]


def _format_choices(column: Column, chosen: str, usual: Any) -> list[tuple[str, Any]]:
    """Return the formats that a column may have, with the usual one first."""
    word = FORMAT_WORDS.get(column.format, column.format)
    patterns = dict.fromkeys((column.format, *column.other_formats, *DATE_PATTERNS, chosen))
    dates = [name for name in patterns if name and name not in NAMED]
    words = [(name, FORMAT_WORDS[name]) for name in NAMED]
    first = usual or _("found: %(format)s") % {"format": word}
    return [("", first), *words, *((d, d) for d in dates)]
