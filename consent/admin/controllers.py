"""Companies whose systems pass requests on, in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from consent.models import Controller
from consent.services import check_controller, save_controller
from profiles.admin.kit.base import TesseraAdmin, staff_actor
from profiles.admin.kit.unfold import ModelForm, display

# Whoever may make the keys of a service may say for whom they act.
_MAY_CHANGE = "profiles.add_apikey"


class ControllerForm(ModelForm):
    """Judges what the service would refuse, so that the form can say so."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not self.errors:
            check_controller(Controller(**self.cleaned_data))
        return cleaned


@admin.register(Controller)
class ControllerAdmin(TesseraAdmin):
    """Controllers, which are added and changed; their requests need them."""

    form = ControllerForm
    list_display = ("name", "controller_id", "service", "hosts")
    list_filter = ("created_at",)
    fields = ("controller_id", "name", "service", "callback_hosts")
    ordering = ("controller_id",)
    audit_type = "controller"
    seen_with = "consent.view_privacyrequest"

    def audit_key(self, row: Controller) -> str:
        return row.controller_id

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(_MAY_CHANGE)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(_MAY_CHANGE)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        # Controllers know their id from every answer.
        return ("controller_id",) if obj else ()

    def save_model(
        self, request: HttpRequest, obj: Controller, form: ModelForm, change: Any
    ) -> None:
        save_controller(obj, actor=staff_actor(request))

    @display(description=_("callback hosts"))
    def hosts(self, controller: Controller) -> str:
        return ", ".join(controller.callback_hosts) or "–"
