"""The forms by which staff upload a file and say how it is read and what its columns mean."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from ingestion.admin.mapping_forms import MeaningForm, meaning_of
from ingestion.imports.inspect import Inspection
from ingestion.models import SavedMapping
from profiles.models import Source

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


class MappingForm(MeaningForm):
    """How the file is read and what its rows mean; the columns have fields of their own."""

    field_order = ("encoding", "delimiter", "has_header")
    encoding = forms.ChoiceField(label=_("Encoding"), required=False)
    delimiter = forms.ChoiceField(label=_("Cells are parted by"), required=False)
    has_header = forms.BooleanField(label=_("The first row names the columns"), required=False)
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
        self.dress()

    def choose(self, name: str, current: str, words: Mapping[str, Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (for the type checker)
        field.choices = list({current: current, **words}.items())


def initial_of(mapping: Mapping[str, Any], inspection: Inspection) -> dict[str, Any]:
    """Return the fields of the form for a mapping."""
    reading = inspection.reading
    return meaning_of(mapping) | {
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


def saved_mappings() -> QuerySet[SavedMapping]:
    return SavedMapping.objects.order_by("key")
