"""Sources in the admin: what they send, their keys and secrets, and what their consents mean."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.postgres.fields import ArrayField
from django.db.models import Count, Model, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from ingestion.admin.live import SEE, live_context
from ingestion.admin.snippets import snippets
from ingestion.admin.source_page import light_of, overview
from ingestion.models import ConsentCategory, MessageCount, SigningSecret, WriteKey
from ingestion.services import (
    create_signing_secret,
    create_write_key,
    delete_consent_category,
    revoke_signing_secret,
    revoke_write_key,
    save_consent_category,
)
from profiles.admin.kit.base import TesseraAdmin, require, show_secret, staff_actor
from profiles.admin.kit.formatting import number
from profiles.admin.kit.unfold import ModelForm, display
from profiles.models import Source
from profiles.services import SOURCE_SETTINGS, change_source, create_source

ADD_KEY, CHANGE_KEY = "ingestion.add_writekey", "ingestion.change_writekey"


@admin.register(Source)
class SourceAdmin(TesseraAdmin):
    """Sources of facts, traits and events: what they send, and by which keys."""

    list_display = ("name_and_key", "day", "party", "priority", "open_keys", "joins", "created_at")
    search_fields = ("key", "name")
    ordering = ("key",)
    fields = ("key", *SOURCE_SETTINGS)
    # One line: most sources have one website.
    formfield_overrides = TesseraAdmin.formfield_overrides | {
        ArrayField: {"widget": UnfoldAdminTextInputWidget}
    }
    change_form_outer_before_template = "admin/ingestion/source.html"
    change_form_outer_after_template = "admin/ingestion/write_keys.html"
    audit_type = "source"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/keys/<str:kind>/", view(self.make_key), name="profiles_source_make_key"),
            path(
                "<int:pk>/revoke/<int:key>/", view(self.revoke_key), name="profiles_source_revoke"
            ),
            path("<int:pk>/secrets/", view(self.make_secret), name="profiles_source_make_secret"),
            path(
                "<int:pk>/secrets/<int:secret>/",
                view(self.revoke_secret),
                name="profiles_source_revoke_secret",
            ),
            path("<int:pk>/light/", view(self.light), name="profiles_source_light"),
            path("<int:pk>/live/", view(self.live), name="profiles_source_live"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        sources: QuerySet[Source] = super().get_queryset(request)
        is_open = Q(write_keys__revoked_at=None)
        return sources.annotate(
            keys=Count("write_keys", filter=is_open, distinct=True), day=_messages_of_the_day()
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        return ("key",) if obj else ()

    @display(description=_("source"), header=True, ordering="key")
    def name_and_key(self, source: Source) -> list[str]:
        return [source.name or source.key, source.key]

    @display(description=_("24 hours"))
    def day(self, source: Any) -> str:
        return number(source.day) if source.day else "–"

    @display(description=_("open write keys"))
    def open_keys(self, source: Any) -> int:
        count: int = source.keys
        return count

    @display(description=_("joins people"), label="warning")
    def joins(self, source: Source) -> str:
        return gettext("claims join people") if source.joins_people else ""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        extra = dict(extra_context or {})
        source = self.get_object(request, object_id) if object_id else None
        if source is not None:
            extra |= {
                "figures": overview(source, timezone.now()),
                "may_watch": request.user.has_perm(SEE),
                "may_mend": request.user.has_perm("ingestion.change_rejectedmessage"),
                "may_plan": request.user.has_perm("ingestion.add_trackingplan"),
            }
        if source is not None and request.user.has_perm("ingestion.view_writekey"):
            extra |= {
                "write_keys": list(WriteKey.objects.filter(source=source)),
                "signing_secrets": list(SigningSecret.objects.filter(source=source)),
                "snippets": snippets("YOUR_WRITE_KEY"),
                "kinds": WriteKey.Kind.choices,
                "may_add_key": request.user.has_perm(ADD_KEY),
                "may_revoke_key": request.user.has_perm(CHANGE_KEY),
            }
        return super().changeform_view(request, object_id, form_url, extra)

    def save_model(self, request: HttpRequest, obj: Source, form: ModelForm, change: Any) -> None:
        actor = staff_actor(request)
        fields = {name: form.cleaned_data[name] for name in SOURCE_SETTINGS}
        if change:
            # The service compares with the stored row; `obj` has the new values already.
            change_source(Source.objects.get(pk=obj.pk), actor=actor, **fields)
        else:
            # The admin goes on to the page of `obj`.
            obj.pk = create_source(form.cleaned_data["key"], actor=actor, **fields).pk

    def make_key(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        """Create a key on POST and show its secret, which is in this response alone."""
        require(request, ADD_KEY)
        source = self.found_or_404(request, str(pk))
        back = reverse("admin:profiles_source_change", args=[pk])
        if kind not in WriteKey.Kind.values:
            raise Http404
        if request.method != "POST":
            return redirect(back)
        write_key, secret = create_write_key(
            source, actor=staff_actor(request), kind=WriteKey.Kind(kind)
        )
        title = gettext("Write key of %(source)s, %(kind)s") % {
            "source": source,
            "kind": write_key.get_kind_display(),
        }
        return show_secret(
            self,
            request,
            title=title,
            secret=secret,
            back=back,
            template="admin/ingestion/new_key.html",
            snippets=snippets(secret, kind=WriteKey.Kind(kind)),
        )

    def make_secret(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Create a signing secret on POST and show it, which is in this response alone."""
        require(request, ADD_KEY)
        source = self.found_or_404(request, str(pk))
        back = reverse("admin:profiles_source_change", args=[pk])
        if request.method != "POST":
            return redirect(back)
        _, text = create_signing_secret(source, actor=staff_actor(request))
        title = gettext("Signing secret of %(source)s") % {"source": source}
        return show_secret(self, request, title=title, secret=text, back=back)

    def revoke_secret(self, request: HttpRequest, pk: int, secret: int) -> HttpResponse:
        """Revoke a signing secret on POST, and return to the source."""
        require(request, CHANGE_KEY)
        source = self.found_or_404(request, str(pk))
        if request.method == "POST":
            row = get_object_or_404(SigningSecret, pk=secret, source=source)
            revoke_signing_secret(row, actor=staff_actor(request))
            messages.success(request, _("The secret is revoked."))
        return redirect("admin:profiles_source_change", pk)

    def light(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The state of a source as a part of its page, which asks for it until a message came."""
        source = self.found_or_404(request, str(pk))
        context = {"light": light_of(source, timezone.now()), "original": source}
        return TemplateResponse(request, "admin/ingestion/light.html", context)

    def live(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The last messages of a source; the page asks for its rows again every two seconds."""
        require(request, SEE)
        source = self.found_or_404(request, str(pk))
        context = live_context(request, source)
        if request.headers.get("HX-Request"):
            return TemplateResponse(request, "admin/ingestion/live_rows.html", context)
        title = gettext("Last messages of %(source)s") % {"source": source}
        return self.page(request, "admin/ingestion/live.html", title=title, **context)

    def revoke_key(self, request: HttpRequest, pk: int, key: int) -> HttpResponse:
        """Revoke a key on POST, and return to the source."""
        require(request, CHANGE_KEY)
        source = self.found_or_404(request, str(pk))
        if request.method == "POST":
            write_key = get_object_or_404(WriteKey, pk=key, source=source)
            revoke_write_key(write_key, actor=staff_actor(request))
            messages.success(request, _("The key is revoked."))
        return redirect("admin:profiles_source_change", pk)


def _messages_of_the_day() -> Subquery:
    """The number of messages of a source in the last 24 hours."""
    since = timezone.now() - timedelta(days=1)
    counts = MessageCount.objects.filter(source=OuterRef("pk"), hour__gte=since).order_by()
    return Subquery(counts.values("source").annotate(sum=Sum("count")).values("sum"))


@admin.register(ConsentCategory)
class ConsentCategoryAdmin(TesseraAdmin):
    """The purposes that consent categories in sources' messages mean."""

    list_display = ("category", "source", "purpose")
    list_filter = ("source", "purpose")
    list_select_related = ("source", "purpose")
    ordering = ("source__key", "category")
    audit_type = "consent_category"

    def audit_key(self, row: ConsentCategory) -> str:
        return row.audit_key

    def save_model(
        self, request: HttpRequest, obj: ConsentCategory, form: ModelForm, change: Any
    ) -> None:
        save_consent_category(obj, actor=staff_actor(request))

    def delete_model(self, request: HttpRequest, obj: ConsentCategory) -> None:
        delete_consent_category(obj, actor=staff_actor(request))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("ingestion.delete_consentcategory")
