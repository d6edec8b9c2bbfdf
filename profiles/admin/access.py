"""API keys, staff and roles in the admin.

Invariant: the secret of a key is in the response that created it and nowhere else.
"""

from datetime import date, datetime, time
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from profiles.admin.kit.base import (
    Question,
    ReadOnlyAdmin,
    TesseraAdmin,
    question_page,
    require,
    show_secret,
    staff_actor,
)
from profiles.admin.kit.unfold import BaseUserAdmin, display
from profiles.models import ApiKey
from profiles.models.access import Scope
from profiles.services import (
    anonymise_staff,
    create_api_key,
    delete_role,
    password_changed,
    remove_second_factor,
    revoke_api_key,
    role_saved,
    staff_saved,
)

ADD, CHANGE = "profiles.add_apikey", "profiles.change_apikey"


class ApiKeyForm(forms.Form):
    """The service of a new key, its scopes, and its last day."""

    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget())
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope.value}: {scope.label}") for scope in Scope],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    purposes = forms.CharField(
        required=False,
        label=_("Purposes"),
        widget=UnfoldAdminTextInputWidget(),
        help_text=_(
            "Keys of purposes, with spaces: somebody is read only while all of them are permitted. "
            "Empty: the key is bound to none."
        ),
    )
    expires_on = forms.DateField(
        required=False,
        widget=UnfoldAdminSingleDateWidget(),
        help_text=_("The last day on which it works; empty: no end."),
    )

    def clean_expires_on(self) -> date | None:
        day: date | None = self.cleaned_data["expires_on"]
        if day is not None and day < timezone.localdate():
            raise forms.ValidationError(gettext("This day is past."))
        return day


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """API keys, which are created and revoked but never changed."""

    list_display = ("name_and_prefix", "scope_list", "created_at", "expires_at", "state")
    list_filter = ("created_at",)
    fields = (
        "name",
        "prefix",
        "scope_list",
        "purpose_list",
        "created_at",
        "expires_at",
        "revoked_at",
    )
    readonly_fields = fields
    change_form_outer_after_template = "admin/tessera/revoke.html"
    audit_type = "api_key"

    def audit_key(self, row: ApiKey) -> str:
        return row.prefix

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ADD)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/revoke/", view(self.revoke), name="profiles_apikey_revoke"),
            *super().get_urls(),
        ]

    @display(description=_("key"), header=True)
    def name_and_prefix(self, key: ApiKey) -> list[str]:
        return [key.name, f"{key.prefix}…"]

    @display(description=_("scopes"))
    def scope_list(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @display(description=_("purposes"))
    def purpose_list(self, key: ApiKey) -> str:
        return ", ".join(key.purposes) or "–"

    @display(
        description=_("state"), label={"open": "success", "revoked": "danger", "expired": "warning"}
    )
    def state(self, key: ApiKey) -> tuple[str, str]:
        if key.revoked_at:
            return "revoked", gettext("revoked")
        if key.expires_at and key.expires_at <= timezone.now():
            return "expired", gettext("expired")
        return "open", gettext("open")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if object_id is None:
            return self.create_key(request)
        may_revoke = request.user.has_perm(CHANGE)
        url = reverse("admin:profiles_apikey_revoke", args=[object_id]) if may_revoke else ""
        key = self.get_object(request, object_id)
        is_open = key is not None and key.revoked_at is None
        extra = {**(extra_context or {}), "revoke_url": url if is_open else ""}
        return super().changeform_view(request, object_id, form_url, extra)

    def create_key(self, request: HttpRequest) -> HttpResponse:
        """Show the form, then the secret of the new key."""
        require(request, ADD)
        back = reverse("admin:profiles_apikey_changelist")
        form = ApiKeyForm(request.POST or None)
        if not form.is_valid():
            return question_page(
                self,
                request,
                Question(
                    title=gettext("New API key"),
                    form=form,
                    submit=gettext("Make the key"),
                    back=back,
                ),
            )
        last_day = form.cleaned_data["expires_on"]
        # To the end of the last day, in the time zone of the site.
        expires_at = last_day and timezone.make_aware(datetime.combine(last_day, time.max))
        key, secret = create_api_key(
            form.cleaned_data["name"],
            actor=staff_actor(request),
            scopes=form.cleaned_data["scopes"],
            expires_at=expires_at,
            purposes=form.cleaned_data["purposes"].split(),
        )
        title = gettext("API key %(name)s") % {"name": key.name}
        return show_secret(self, request, title=title, secret=secret, back=back)

    def revoke(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Revoke a key on POST, and return to the list."""
        require(request, CHANGE)
        key = self.found_or_404(request, str(pk))
        if request.method == "POST":
            revoke_api_key(key, actor=staff_actor(request))
            messages.success(request, _("The key is revoked."))
        return redirect("admin:profiles_apikey_changelist")


# They have the secrets of authenticators, which nobody is shown again.
admin.site.unregister(StaticDevice)
admin.site.unregister(TOTPDevice)
# Django registers both without Unfold's forms.
admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(BaseUserAdmin, TesseraAdmin):  # type: ignore[misc]  # of two `lookup_allowed`
    """Staff. An account ends by being anonymised, so that what it did keeps its author."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "roles", "is_active", "is_superuser", "last_login")
    actions = ("take_second_factor", "anonymise")
    audit_type = "staff"

    def audit_key(self, row: User) -> str:
        return str(row.pk)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if request.user.is_superuser:
            return fields
        # Others hand out roles alone, so that they cannot give themselves more than they have.
        return (*fields, "is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Whoever could change a superuser's password could become one.
        is_above_user = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not is_above_user and super().has_change_permission(request, obj)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        user = self.get_object(request, object_id) if object_id else None
        with staff_saved(user, actor=staff_actor(request)) as saved:
            # `save_related` comes last and puts the account in here.
            request.saved_accounts = saved  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        request.saved_accounts.append(form.instance)  # type: ignore[attr-defined]

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 (Django gives the name)
        form_url: str = "",
    ) -> HttpResponse:
        response: HttpResponse = super().user_change_password(request, id, form_url)
        # Django redirects once the password is set, and shows the form again where it is not.
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            password_changed(self.found_or_404(request, id), actor=staff_actor(request))
        return response

    @admin.action(description=_("Remove the second factor"), permissions=["change"])
    def take_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        # For who has lost both the authenticator and the recovery codes.
        users = [user for user in queryset if self.has_change_permission(request, user)]
        removed = sum(remove_second_factor(user, actor=staff_actor(request)) for user in users)
        messages.success(request, _("Accounts that had a second factor: %d.") % removed)

    @admin.action(description=_("Anonymise: end the account for good"), permissions=["change"])
    def anonymise(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        ended = [user for user in queryset if self.has_change_permission(request, user)]
        for user in ended:
            anonymise_staff(user, actor=staff_actor(request))
        messages.success(request, _("%d accounts are anonymised.") % len(ended))

    @display(description=_("roles"))
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all()) or "–"


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, TesseraAdmin):
    """Roles of staff. Whoever could change one could give themselves every permission."""

    audit_type = "role"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def audit_key(self, row: Group) -> str:
        return row.name

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        role = self.get_object(request, object_id) if object_id else None
        with role_saved(role, actor=staff_actor(request)) as saved:
            request.saved_roles = saved  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        request.saved_roles.append(form.instance)  # type: ignore[attr-defined]

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        delete_role(obj, actor=staff_actor(request))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser
