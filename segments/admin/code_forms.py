"""The forms of pools of codes: a pool, codes that are pasted or uploaded, and new ones."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from segments.admin.list_forms import text_of_upload
from segments.models import CodePool


class PoolForm(forms.Form):
    """What is saved of a pool."""

    name = forms.CharField(label=_("Name"), max_length=120, widget=UnfoldAdminTextInputWidget)
    expires_at = forms.SplitDateTimeField(
        label=_("Gives codes until"), required=False, widget=UnfoldAdminSplitDateTimeWidget
    )
    alert_below = forms.IntegerField(
        label=_("Alert below"),
        min_value=0,
        max_value=1_000_000,
        initial=0,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("Says on the home page that fewer codes than this are free."),
    )
    event = forms.CharField(
        label=_("Event of redemption"),
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Such as Order Completed."),
    )
    property = forms.CharField(
        label=_("Property with the code"),
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Such as coupon."),
    )


class NewPoolForm(PoolForm):
    """The same, with the key of a new one."""

    key = forms.CharField(
        label=_("Key"),
        max_length=63,
        validators=[*CodePool._meta.get_field("key").validators],
        widget=UnfoldAdminTextInputWidget(),
    )
    field_order = ("key", "name")


class CodesForm(forms.Form):
    """Codes, one a line, pasted or in a file. Cleaned, they are `codes`."""

    lines = forms.CharField(
        required=False,
        label=_("Codes"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "class": "t-code"}),
        help_text=_("One a line."),
    )
    upload = forms.FileField(
        required=False,
        label=_("or a text file"),
        widget=UnfoldAdminFileFieldWidget(),
        help_text=_("UTF-8, one code a line."),
    )

    def clean(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().clean() or {}
        text = fields.get("lines", "")
        if isinstance(upload := fields.get("upload"), UploadedFile):
            text += "\n" + text_of_upload(upload)
        codes = [line.strip() for line in text.splitlines() if line.strip()]
        if not codes:
            raise forms.ValidationError(_("Name at least one code."))
        return {"codes": codes}


class NewCodesForm(forms.Form):
    """How many codes to make by chance, and of which form."""

    count = forms.IntegerField(
        label=_("How many"),
        min_value=1,
        max_value=100_000,
        initial=1000,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    length = forms.IntegerField(
        label=_("Length"),
        min_value=8,
        max_value=24,
        initial=10,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("Without the prefix."),
    )
    # `prefix` is a word of forms themselves.
    begins = forms.RegexField(
        r"^[A-Z0-9-]{0,16}$",
        label=_("Prefix"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Capital letters, digits and hyphens, such as SUMMER-."),
    )

    def clean(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().clean() or {}
        return {("prefix" if name == "begins" else name): fields[name] for name in fields}
