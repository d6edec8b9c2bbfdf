"""Sources and their write keys: made, shown once, revoked; and what their consent categories mean."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Model, Q, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from profiles.admin.kit.unfold import display

from ingestion.models import ConsentCategory, WriteKey
from ingestion.services import create_write_key, revoke_write_key
from profiles.admin.kit.base import TesseraAdmin, require, show_secret
from profiles.models import Source
from profiles.services import change_source

ADD_KEY, CHANGE_KEY = "ingestion.add_writekey", "ingestion.change_writekey"


@admin.register(Source)
class SourceAdmin(TesseraAdmin):
    """Where facts, traits and events come from."""

    list_display = ("named", "priority", "open_keys", "joins", "created_at")
    search_fields = ("key", "name")
    ordering = ("key",)
    fields = ("key", "name", "priority", "joins_people")
    change_form_outer_after_template = "admin/ingestion/write_keys.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/keys/<str:kind>/", view(self.make_key), name="profiles_source_make_key"),
            path(
                "<int:pk>/revoke/<int:key>/", view(self.revoke_key), name="profiles_source_revoke"
            ),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        found: QuerySet[Source] = super().get_queryset(request)
        is_open = Q(write_keys__revoked_at=None)
        return found.annotate(keys=Count("write_keys", filter=is_open, distinct=True))

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        return ("key",) if obj else ()

    @display(description="source", header=True, ordering="key")
    def named(self, source: Source) -> list[str]:
        return [source.name or source.key, source.key]

    @display(description="open write keys")
    def open_keys(self, source: Any) -> int:
        number: int = source.keys
        return number

    @display(description="joins people", label={"claims join people": "warning"})
    def joins(self, source: Source) -> str:
        return "claims join people" if source.joins_people else ""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form, with the keys below it."""
        extra = dict(extra_context or {})
        if object_id is not None and request.user.has_perm("ingestion.view_writekey"):
            extra |= {
                "write_keys": list(WriteKey.objects.filter(source=object_id)),
                "kinds": WriteKey.Kind.choices,
                "may_add_key": request.user.has_perm(ADD_KEY),
                "may_revoke_key": request.user.has_perm(CHANGE_KEY),
            }
        return super().changeform_view(request, object_id, form_url, extra)

    def save_model(self, request: HttpRequest, obj: Source, form: ModelForm, change: Any) -> None:
        """A change goes through the service: golden values follow a new order of sources at once."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        said = form.cleaned_data
        stored = Source.objects.get(pk=obj.pk)
        change_source(
            stored,
            name=said["name"],
            priority=said["priority"],
            joins_people=said["joins_people"],
        )

    def make_key(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        """A new key, whose secret is in this answer alone."""
        require(request, ADD_KEY)
        source = self.found_or_404(request, str(pk))
        back = reverse("admin:profiles_source_change", args=[pk])
        if kind not in WriteKey.Kind.values:
            raise Http404
        if request.method != "POST":
            return redirect(back)
        key, secret = create_write_key(source, kind=WriteKey.Kind(kind))
        self.log_change(request, source, f"made write key {key.prefix}")
        title = f"{key.get_kind_display().capitalize()} write key of {source}"
        return show_secret(self, request, title=title, secret=secret, back=back)

    def revoke_key(self, request: HttpRequest, pk: int, key: int) -> HttpResponse:
        """Within half a second nothing is taken by the key any more."""
        require(request, CHANGE_KEY)
        source = self.found_or_404(request, str(pk))
        if request.method == "POST":
            write_key = get_object_or_404(WriteKey, pk=key, source=source)
            revoke_write_key(write_key)
            self.log_change(request, source, f"revoked write key {write_key.prefix}")
            messages.success(request, "The key is revoked.")
        return redirect("admin:profiles_source_change", pk)


@admin.register(ConsentCategory)
class ConsentCategoryAdmin(TesseraAdmin):
    """What a consent category in a source's messages means here."""

    list_display = ("category", "source", "purpose")
    list_filter = ("source", "purpose")
    list_select_related = ("source", "purpose")
    ordering = ("source__key", "category")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("ingestion.delete_consentcategory")
