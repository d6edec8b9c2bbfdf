"""Making the address to which a shop or tool sends, and the source that it becomes."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from ingestion.services import address_of, register_hook
from profiles.admin.kit.base import TesseraAdmin, show_secret, staff_actor
from profiles.models import Source
from profiles.models.sources import KEY_VALIDATOR

MAY_CONNECT = "profiles.add_source"


class SourceForm(forms.Form):
    """The source that a webhook becomes."""

    key = forms.CharField(
        label=gettext_lazy("Key of the source"),
        max_length=63,
        validators=[KEY_VALIDATOR],
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        help_text=gettext_lazy("Such as shop-fr."),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )


def make_address(
    admin: TesseraAdmin, request: HttpRequest, form: SourceForm, **fields: Any
) -> HttpResponse | None:
    """Make a source with an address, and show it, which is in this response alone.

    What is wrong is shown at the fields of the valid form, and nothing is returned.
    """
    try:
        source, token = register_hook(actor=staff_actor(request), **form.cleaned_data, **fields)
    except ValidationError as error:
        is_secret = "secret" in getattr(error, "error_dict", {})
        form.add_error("secret" if is_secret else "key", error.messages)
        return None
    return show_address(admin, request, source, token)


def show_address(
    admin: TesseraAdmin, request: HttpRequest, source: Source, token: str
) -> HttpResponse:
    """Show an address, which is in this response alone."""
    return show_secret(
        admin,
        request,
        title=_("Address of %(source)s") % {"source": source},
        secret=request.build_absolute_uri(address_of(source, token)),
        back=reverse("admin:profiles_source_change", args=[source.pk]),
    )
