"""Taking people out of the system, on the pages of segments and lists: the form, its answer."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent.models import Purpose
from profiles.admin.kit.base import staff_actor
from profiles.admin.kit.masks import mask_for
from segments.admin.forms import fault_text
from segments.api.export_files import file_response
from segments.exports.columns import MAX_COLUMNS, column_choices, read_columns
from segments.language.operands import DefinitionError
from segments.lib.failures import SegmentFailed
from segments.lib.sealing import fault_of_recipient
from segments.models import MemberExport
from segments.services import (
    ExportGone,
    ExportOrder,
    SegmentError,
    order_export,
    take_export,
)

USUAL_COLUMNS = ("id", "entered_at")
HERE, LINK = "here", "link"
State = MemberExport.State


class ExportForm(forms.Form):
    """What is taken out, for what, as which file, and how the file is fetched."""

    id = forms.UUIDField(widget=forms.HiddenInput)
    format = forms.ChoiceField(choices=MemberExport.Format.choices)
    purpose = forms.ModelChoiceField(Purpose.objects.order_by("key"), empty_label=None)
    columns = forms.MultipleChoiceField(required=False)
    way = forms.ChoiceField(
        choices=[(HERE, gettext_lazy("now")), (LINK, gettext_lazy("by a link, once"))],
        required=False,
    )
    recipient = forms.CharField(
        required=False, max_length=2000, label=gettext_lazy("key that the file is encrypted for")
    )
    reason = forms.CharField(required=False, label=gettext_lazy("reason"))

    def __init__(self, *args: Any, names: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        columns: Any = self.fields["columns"]
        columns.choices = [(name, name) for name in names]

    def clean_columns(self) -> list[str]:
        columns: list[str] = self.cleaned_data["columns"]
        if len(columns) > MAX_COLUMNS:
            raise forms.ValidationError(_("At most %(most)s columns.") % {"most": MAX_COLUMNS})
        return columns

    def clean_recipient(self) -> str:
        recipient = str(self.cleaned_data["recipient"]).strip()
        if recipient and fault_of_recipient(recipient):
            raise forms.ValidationError(_("A public key of age, which begins with age1."))
        return recipient


def export_form(request: HttpRequest, purpose_id: int | None) -> ExportForm:
    """Return the form, filled in by what was posted."""
    initial = {
        "format": MemberExport.Format.CSV,
        "purpose": purpose_id,
        "columns": USUAL_COLUMNS,
        "way": HERE,
    }
    posted = request.POST if request.method == "POST" else None
    return ExportForm(posted, initial=initial, names=list(column_choices()))


def export_by(request: HttpRequest, form: ExportForm, **people: Any) -> HttpResponseBase | None:
    """Answer a valid form: with the file, or with the page of the export where it has to wait.

    `people` says whom, as `ExportOrder` does. Return None where it cannot be done: the form says
    why.
    """
    fields = form.cleaned_data
    order = ExportOrder(
        **people,
        purpose=fields["purpose"],
        columns=read_columns(fields["columns"], column_choices()),
        format=fields["format"],
        recipient=fields["recipient"],
        reason=fields["reason"],
        is_masked=not mask_for(request).is_open,
    )
    try:
        export = order_export(order, actor=staff_actor(request), export_id=fields["id"])
        if export.state == State.WAITING or fields["way"] == LINK:
            return redirect("admin:segments_memberexport_change", export.pk)
        take_export(export, actor=staff_actor(request))
    except SegmentError as error:
        form.add_error(error.field if error.field in form.fields else None, error.detail)
    except ExportGone:
        form.add_error(None, _("It was fetched already, or is over."))
    except SegmentFailed:
        form.add_error(None, _("The segment is set apart: nobody leaves by it."))
    except DefinitionError as error:
        form.add_error(None, list(map(fault_text, error.errors)))
    else:
        return file_response(export)
    return None


def export_context(request: HttpRequest, form: ExportForm, people: int) -> dict[str, Any]:
    """Return what the form's template shows; `people` are those who would be looked at."""
    return {
        "form": form,
        "is_masked": not mask_for(request).is_open,
        "needs_second": people > settings.EXPORT_SECOND_PERSON_ABOVE,
        "second_above": settings.EXPORT_SECOND_PERSON_ABOVE,
        # Of the file that the form will ask for: each page has one of its own.
        "export_id": uuid4(),
    }
