"""The pages on which staff give the code of their second factor, set it up, and renew it."""

import base64
import io
from typing import Any, cast

import segno
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django_otp import login as login_by
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.widgets import UnfoldAdminTextInputWidget

from profiles.admin.kit.base import staff_actor
from profiles.services import (
    begin_second_factor,
    check_code,
    confirm_second_factor,
    has_second_factor,
    remove_second_factor,
    renew_recovery_codes,
    second_factor_of,
)

LOGIN = "/admin/login/"
WRONG_CODE = gettext_lazy("This code is wrong, or was used. After a wrong one, wait a little.")


class CodeForm(forms.Form):
    """A code of the authenticator, or a recovery code."""

    code = forms.CharField(
        max_length=16,
        label=gettext_lazy("Code"),
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "autocapitalize": "off"}
        ),
    )


@never_cache
@login_required(login_url=LOGIN)
def give_code(request: HttpRequest) -> HttpResponse:
    """Ask for a code, and go on to the page that was asked for."""
    if not has_second_factor(_user(request)):
        return redirect("second-factor-setup")
    form = CodeForm(request.POST or None)
    if form.is_valid():
        device = check_code(_user(request), form.cleaned_data["code"])
        if device is not None:
            _verify(request, device)
            return redirect(_next(request))
        form.add_error("code", WRONG_CODE)
    return _page(request, "code", _("Second factor"), form=form)


@never_cache
@login_required(login_url=LOGIN)
def set_up(request: HttpRequest) -> HttpResponse:
    """Show the secret for an authenticator, and set it up once it shows the right code."""
    if has_second_factor(_user(request)) and not _is_verified(request):
        # Else a password alone would be enough to replace it.
        return redirect("second-factor")
    device = begin_second_factor(_user(request))
    form = CodeForm(request.POST or None)
    if form.is_valid():
        codes = confirm_second_factor(
            _user(request), form.cleaned_data["code"].replace(" ", ""), actor=staff_actor(request)
        )
        if codes is not None:
            device.refresh_from_db()
            _verify(request, device)
            return _page(request, "recovery", _("Recovery codes"), codes=codes)
        form.add_error("code", WRONG_CODE)
    return _page(
        request,
        "setup",
        _("Set up a second factor"),
        form=form,
        picture=_picture(device),
        secret=_secret(device),
        is_required=settings.REQUIRE_SECOND_FACTOR,
    )


@never_cache
@login_required(login_url=LOGIN)
def overview(request: HttpRequest) -> HttpResponse:
    """Show how the account is protected; renew recovery codes, or remove the second factor."""
    if not _is_verified(request):
        return redirect("second-factor")
    actor = staff_actor(request)
    match request.POST.get("step"):
        case "renew":
            codes = renew_recovery_codes(_user(request), actor=actor)
            return _page(request, "recovery", _("Recovery codes"), codes=codes)
        case "remove" if not settings.REQUIRE_SECOND_FACTOR:
            remove_second_factor(_user(request), actor=actor)
            messages.success(request, _("The second factor is removed."))
            return redirect("admin:index")
    return _page(
        request,
        "overview",
        _("Second factor"),
        factor=second_factor_of(_user(request)),
        is_required=settings.REQUIRE_SECOND_FACTOR,
    )


def _user(request: HttpRequest) -> User:
    # Each view is for who is logged in.
    return cast("User", request.user)


def _is_verified(request: HttpRequest) -> bool:
    # OTPMiddleware gives the user this method.
    return bool(request.user.is_verified())  # type: ignore[union-attr]


def _verify(request: HttpRequest, device: Any) -> None:
    # A new key, as after a log-in: whoever knew the former one has not given the code.
    request.session.cycle_key()
    login_by(request, device)


def _next(request: HttpRequest) -> str:
    wanted = request.GET.get("next", "")
    is_own = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_own else "/admin/"


def _page(request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, **context}
    return TemplateResponse(request, f"admin/tessera/second_factor/{name}.html", context)


def _picture(device: TOTPDevice) -> SafeString:
    """Return the secret as a QR code: an SVG, of figures and names of our own making."""
    picture = io.BytesIO()
    segno.make(device.config_url).save(
        picture, kind="svg", scale=5, border=2, xmldecl=False, light="white", title=_("QR code")
    )
    return mark_safe(picture.getvalue().decode())  # noqa: S308  (segno escapes the title)


def _secret(device: TOTPDevice) -> str:
    """Return the secret as it is typed in where there is no camera, in groups of four."""
    text = base64.b32encode(device.bin_key).decode().rstrip("=")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
