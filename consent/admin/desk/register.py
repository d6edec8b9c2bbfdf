"""The register of processing in the admin: a page that prints, and the same as CSV and JSON."""

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext

from consent.models import LegalBasis
from consent.register.tables import as_csv
from consent.services import make_register
from profiles.admin.kit.base import TesseraAdmin, require

SEE_REGISTER = "consent.view_privacyrequest"


def register_page(admin: TesseraAdmin, request: HttpRequest) -> HttpResponse:
    """Show the register, or hand it out by `?format=csv` or `json`."""
    require(request, SEE_REGISTER)
    register = make_register(now=timezone.now())
    match request.GET.get("format"):
        case "csv":
            return _download(HttpResponse(as_csv(register), content_type="text/csv"), "csv")
        case "json":
            plain: Any = {**asdict(register), "made_at": register.made_at.isoformat()}
            return _download(JsonResponse(_named(plain, register)), "json")
    bases = dict(LegalBasis.choices)
    return admin.page(
        request,
        "admin/consent/register.html",
        title=gettext("Register of processing"),
        register=register,
        activities=[(each, bases.get(each.legal_basis, "")) for each in register.activities],
    )


def _named(plain: dict[str, Any], register: Any) -> dict[str, Any]:
    """Give the tuples of a register their names again."""
    for name in ("activities", "recipients", "data_classes", "retention", "lifetimes"):
        plain[name] = [row._asdict() for row in getattr(register, name)]
    plain["controller"] = register.controller._asdict()
    return plain


def _download(response: HttpResponse, ending: str) -> HttpResponse:
    response["Content-Disposition"] = f'attachment; filename="register.{ending}"'
    return response
