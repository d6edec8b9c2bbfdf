"""The form of a SQL source: which database, and what is asked of it."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from ingestion.models import SqlSource
from ingestion.services import SqlSourceDraft, WrongSqlSource
from profiles.lib import exact_json
from profiles.models import Source

MAX_MINUTES = 60 * 24 * 366


class SqlSourceForm(forms.Form):
    """A SQL source, without what its columns mean."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, widget=UnfoldAdminTextInputWidget
    )
    source = forms.ModelChoiceField(
        label=gettext_lazy("Source"),
        queryset=Source.objects.order_by("key"),
        widget=UnfoldAdminSelectWidget,
    )
    url = forms.CharField(
        label=gettext_lazy("Address of the database"),
        max_length=2000,
        widget=UnfoldAdminTextInputWidget(
            attrs={
                "type": "password",
                "autocomplete": "new-password",
                "placeholder": "postgresql://reader:password@host/database",
            },
        ),
    )
    query = forms.CharField(
        label=gettext_lazy("Query"),
        max_length=20_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=gettext_lazy("One SELECT, without a semicolon. It is read and never written."),
    )
    cursor_column = forms.CharField(
        label=gettext_lazy("Cursor column"),
        max_length=255,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        help_text=gettext_lazy(
            "A column of the query that only grows, such as updated_at. Left empty, all rows are "
            "read each time, and those that are new or changed are taken."
        ),
    )
    look_back_minutes = forms.IntegerField(
        label=gettext_lazy("Look back, in minutes"),
        min_value=0,
        max_value=MAX_MINUTES,
        initial=60,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("How much later than their time rows may become visible."),
    )
    interval_minutes = forms.IntegerField(
        label=gettext_lazy("Interval, in minutes"),
        min_value=1,
        max_value=MAX_MINUTES,
        initial=60,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("From the end of a run to the next."),
    )

    def __init__(self, data: Any = None, *, sql_source: SqlSource | None = None) -> None:
        super().__init__(data, initial=_initial(sql_source))
        if sql_source is not None:
            self.fields["url"].required = False
            kept = _("Nobody is shown it again. Left empty, it stays as it is.")
            self.fields["url"].help_text = kept

    def fields_of_service(self) -> dict[str, Any]:
        """Return what the service is given. An address that is left empty is not."""
        return {name: value for name, value in self.cleaned_data.items() if name != "url" or value}

    def draft(self, former: SqlSourceDraft | None, mapping: Mapping[str, Any]) -> SqlSourceDraft:
        """Return the draft to try, with the address that is kept where none was given."""
        kept = {"url": former.url} if former else {}
        return SqlSourceDraft(**{**kept, **self.fields_of_service(), "mapping": mapping})

    def show_fault(self, error: WrongSqlSource) -> None:
        """Show what a service found wrong, at its field."""
        self.add_error(error.field if error.field in self.fields else None, error.detail)


def pretty(value: Any) -> str:
    """Return JSON that people read."""
    text: str = msgspec.json.format(exact_json.dumps(value), indent=2)
    return text


def _initial(sql_source: SqlSource | None) -> dict[str, Any]:
    if sql_source is None:
        return {}
    names = (
        *("name", "source", "query", "cursor_column", "look_back_minutes"),
        "interval_minutes",
    )
    return {name: getattr(sql_source, name) for name in names}


class DeleteForm(forms.Form):
    """A confirmation, by its button alone."""
