"""The forms of lists: a new one, and people named by pasting or uploading identifiers."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from segments.admin.builder.suggestions import NAMESPACES
from segments.models import Segment, StaticList

KINDS = [
    ("", _("written before each: email:ada@example.org")),
    *((name, name) for name in NAMESPACES),
]
MAX_LINES = 100_000
MAX_BYTES = 10 * 1024 * 1024


class NewListForm(forms.Form):
    """The key, name and description of a new list."""

    key = forms.CharField(
        max_length=63,
        validators=[*StaticList._meta.get_field("key").validators],
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Such as guests-of-the-opening."),
    )
    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget())
    description = forms.CharField(
        required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )


class FillForm(forms.Form):
    """The segment whose members are put on a list."""

    segment = forms.ModelChoiceField(
        Segment.objects.filter(status=Segment.Status.LIVE).order_by("name"),
        widget=UnfoldAdminSelectWidget(),
    )


class PeopleForm(forms.Form):
    """Identifiers, one a line, pasted or in a file. Cleaned, they are `references`."""

    namespace = forms.ChoiceField(
        choices=KINDS,
        required=False,
        label=_("kind of identifier"),
        widget=UnfoldAdminSelectWidget(),
    )
    lines = forms.CharField(
        required=False,
        label=_("identifiers"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}),
        help_text=_("One a line."),
    )
    upload = forms.FileField(
        required=False,
        label=_("or a text file"),
        widget=UnfoldAdminFileFieldWidget(),
        help_text=_("UTF-8, one identifier a line."),
    )

    def clean(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().clean() or {}
        text = fields.get("lines", "")
        upload = fields.get("upload")
        if isinstance(upload, UploadedFile):
            text += "\n" + text_of_upload(upload)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            raise forms.ValidationError(_("Name somebody."))
        if len(lines) > MAX_LINES:
            raise forms.ValidationError(
                _("%(most)d lines at most."), params={"most": MAX_LINES}, code="limit"
            )
        prefix = fields.get("namespace") or ""
        fields["references"] = [f"{prefix}:{line}" if prefix else line for line in lines]
        return fields


def text_of_upload(upload: "UploadedFile[Any]") -> str:
    """Return the text of a file. Raises ValidationError."""
    if (upload.size or 0) > MAX_BYTES:
        raise forms.ValidationError(_("The file is too large: 10 MB at most."))
    try:
        content: bytes = upload.read()
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise forms.ValidationError(_("The file is not UTF-8 text.")) from None
