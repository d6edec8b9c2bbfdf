"""Forbidden names in the admin: what is under them is never taken."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from ingestion.forbidden_names import MAX_NAMES
from ingestion.models import ForbiddenName
from ingestion.services import forbid_name, permit_name
from profiles.admin.kit.base import TesseraAdmin, staff_actor
from profiles.admin.kit.unfold import ModelForm


class ForbiddenNameForm(forms.ModelForm):  # type: ignore[type-arg]
    """One more name."""

    def clean(self) -> Any:
        fields = super().clean()
        source = (fields or {}).get("source")
        if ForbiddenName.objects.filter(source=source).count() >= MAX_NAMES:
            raise ValidationError(_("At most %d names can be forbidden.") % MAX_NAMES)
        return fields


@admin.register(ForbiddenName)
class ForbiddenNameAdmin(TesseraAdmin):
    """Names that staff forbid, and permit again by deleting them."""

    form = ForbiddenNameForm
    list_display = ("name", "source", "created_at")
    list_filter = ("source",)
    list_select_related = ("source",)
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "source")
    audit_type = "forbidden_name"

    def audit_key(self, row: ForbiddenName) -> str:
        return row.audit_key

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return request.user.has_perm("ingestion.delete_forbiddenname")

    def save_model(
        self, request: HttpRequest, obj: ForbiddenName, form: ModelForm, change: Any
    ) -> None:
        forbid_name(obj, actor=staff_actor(request))

    def delete_model(self, request: HttpRequest, obj: ForbiddenName) -> None:
        permit_name(obj, actor=staff_actor(request))
