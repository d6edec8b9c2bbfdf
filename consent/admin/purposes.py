"""Purposes and notices in the admin.

Invariant: saving a form adds a version and never changes an old one.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from consent.admin.desk.consents import consents_page
from consent.admin.desk.register import register_page
from consent.ledger.minors import MOST_YEARS
from consent.lib.durations import parse_duration
from consent.models import NoticeVersion, Purpose, PurposeVersion
from consent.models.purposes import LegalBasis
from consent.services import (
    PurposeTerms,
    TermsAreFixed,
    add_notice,
    change_purpose,
    define_purpose,
    refuse_laxer_terms,
)
from profiles.admin.kit.base import TesseraAdmin, staff_actor
from profiles.admin.kit.unfold import ModelForm, display
from profiles.lib.database import database_now


class LineListField(forms.CharField):
    """A list of texts, written one a line."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})
        super().__init__(required=False, widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]


class PurposeForm(ModelForm):
    """The key of a purpose, and the terms of the version that saving it creates."""

    title = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget())
    text = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}), help_text=_("What people agree to.")
    )
    legal_basis = forms.ChoiceField(choices=LegalBasis.choices, widget=UnfoldAdminSelectWidget())
    special_basis = forms.CharField(
        required=False,
        max_length=120,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("The basis of article 9, where data are special."),
    )
    is_direct_marketing = forms.BooleanField(required=False, widget=UnfoldBooleanSwitchWidget())
    validity = forms.CharField(
        required=False,
        max_length=32,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("How long a consent lasts, such as P13M; empty: CONSENT_VALIDITY."),
    )
    minimum_age = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_YEARS,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=_("For who is younger a guardian consents (article 8), such as 16."),
    )
    categories = LineListField(help_text=_("Categories of data, one a line."))
    recipients = LineListField(help_text=_("One a line."))
    retention = forms.CharField(required=False, max_length=200, widget=UnfoldAdminTextInputWidget())
    is_profiling = forms.BooleanField(required=False, widget=UnfoldBooleanSwitchWidget())
    is_automated_decision = forms.BooleanField(required=False, widget=UnfoldBooleanSwitchWidget())
    transfer_countries = LineListField(help_text=_("Two letters a line."))
    is_substantial = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=(
            _("Consents given to earlier versions no longer permit, and must be asked for again.")
        ),
    )

    class Meta:
        model = Purpose
        fields = ("key", "replaces")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        purpose = kwargs.get("instance")
        if purpose is not None:
            kwargs["initial"] = current_terms(purpose) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)

    def clean_validity(self) -> str:
        text: str = self.cleaned_data["validity"]
        try:
            if text:
                parse_duration(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        return text

    def clean_transfer_countries(self) -> list[str]:
        countries: list[str] = self.cleaned_data["transfer_countries"]
        if any(len(country) != 2 for country in countries):
            raise forms.ValidationError("A country is two letters, such as CH.")
        return countries

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.instance.pk is not None and not self.errors:
            try:
                refuse_laxer_terms(Purpose.objects.get(pk=self.instance.pk), self.terms())
            except TermsAreFixed as error:
                self.add_error("legal_basis", str(error))
        return cleaned

    def terms(self) -> PurposeTerms:
        """Return the terms that the user entered. The form must be valid."""
        names = PurposeTerms.__dataclass_fields__
        return PurposeTerms(**{name: self.cleaned_data[name] for name in names})


def current_terms(purpose: Purpose) -> dict[str, Any]:
    """Return the terms of the current version by field name."""
    version = purpose.versions.filter(number=purpose.current_version).first()
    names = PurposeTerms.__dataclass_fields__
    return {name: getattr(version, name) for name in names} if version else {}


@admin.register(Purpose)
class PurposeAdmin(TesseraAdmin):
    """Purposes with their versions."""

    form = PurposeForm
    list_display = ("title_and_key", "basis", "marketing", "current_version", "created_at")
    list_filter = ("legal_basis", "is_direct_marketing")
    ordering = ("key",)
    change_form_outer_after_template = "admin/consent/versions.html"
    audit_type = "purpose"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("register/", view(self.register), name="consent_purpose_register"),
            path("consents/", view(self.consents), name="consent_purpose_consents"),
            *super().get_urls(),
        ]

    def consents(self, request: HttpRequest) -> HttpResponse:
        return consents_page(self, request)

    def register(self, request: HttpRequest) -> HttpResponse:
        return register_page(self, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Purpose]:
        purposes: QuerySet[Purpose] = super().get_queryset(request)
        return purposes.prefetch_related(
            Prefetch("versions", PurposeVersion.objects.order_by("-number"))
        )

    @display(description=_("purpose"), header=True, ordering="key")
    def title_and_key(self, purpose: Purpose) -> list[str]:
        # Prefetched above, the newest version first.
        versions = purpose.versions.all()
        return [versions[0].title if versions else purpose.key, purpose.key]

    @display(description=_("legal basis"), ordering="legal_basis", label=True)
    def basis(self, purpose: Purpose) -> str:
        return purpose.get_legal_basis_display()

    @display(description="", label="info")
    def marketing(self, purpose: Purpose) -> str:
        return gettext("direct marketing") if purpose.is_direct_marketing else ""

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        if obj is not None and not self.has_change_permission(request, obj):
            return ("key", "replaces", "legal_basis", "is_direct_marketing", "current_version")
        return ("key", "replaces") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        if obj is not None and not self.has_change_permission(request, obj):
            return [(None, {"fields": self.get_readonly_fields(request, obj)})]
        others = ("key", "replaces", "is_substantial")
        terms = [name for name in PurposeForm.base_fields if name not in others]
        # The first version is always substantial, so a new purpose is not asked for it.
        more = ["is_substantial"] if obj else []
        return [(None, {"fields": ["key", *terms, "replaces", *more]})]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        versions = PurposeVersion.objects.filter(purpose__pk=object_id) if object_id else ()
        context = {**(extra_context or {}), "versions": versions}
        return super().changeform_view(request, object_id, form_url, context)

    def save_model(
        self, request: HttpRequest, obj: Purpose, form: PurposeForm, change: Any
    ) -> None:
        """Save through the services, which keep versions, states and segments consistent."""
        actor, now = staff_actor(request), database_now()
        if change:
            is_substantial = form.cleaned_data["is_substantial"]
            change_purpose(
                obj, terms=form.terms(), is_substantial=is_substantial, actor=actor, now=now
            )
        else:
            obj.pk = define_purpose(
                key=obj.key, terms=form.terms(), replaces=obj.replaces, actor=actor, now=now
            ).pk


class NoticeForm(ModelForm):
    """The text of a notice, and from when it is shown."""

    class Meta:
        model = NoticeVersion
        fields = ("key", "language", "content", "shown_from")


@admin.register(NoticeVersion)
class NoticeVersionAdmin(TesseraAdmin):
    """Notices. They can be added and never changed."""

    form = NoticeForm
    list_display = ("key", "language", "short_digest", "shown_from")
    list_filter = ("key", "language")
    audit_type = "notice"
    page_fields = ("key", "language", "content_block", "digest", "shown_from", "created_at")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fields = self.page_fields if obj else ("key", "language", "content", "shown_from")
        return [(None, {"fields": fields})]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        return self.page_fields if obj else ()

    @display(description="SHA-256")
    def short_digest(self, notice: NoticeVersion) -> str:
        return f"{notice.digest[:16]}…"

    @display(description=_("content"))
    def content_block(self, notice: NoticeVersion) -> str:
        return format_html('<pre class="t-code">{}</pre>', notice.content)

    def save_model(
        self, request: HttpRequest, obj: NoticeVersion, form: NoticeForm, change: Any
    ) -> None:
        notice = add_notice(
            key=obj.key,
            language=obj.language,
            content=obj.content,
            shown_from=obj.shown_from,
            actor=staff_actor(request),
        )
        # The same content again gives the notice that is already there, so the admin shows that.
        obj.pk = notice.pk
