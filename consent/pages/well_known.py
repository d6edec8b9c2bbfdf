"""What programs ask of a site by fixed addresses: signals, keys, the schemas of archives."""

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from consent import services

# The day on which this site began to honour the signal as it does; not a day of deployment.
HONOURED_SINCE = "2026-11-26"


@require_safe
def global_privacy_control(request: HttpRequest) -> JsonResponse:
    """Say that `Sec-GPC: 1` is honoured, as the Global Privacy Control specification asks."""
    return JsonResponse({"gpc": True, "lastUpdate": HONOURED_SINCE})


@require_safe
def signing_keys(request: HttpRequest) -> JsonResponse:
    """Return the public keys of receipts, as a JWK set."""
    return JsonResponse(services.public_keys(), content_type="application/jwk-set+json")


@require_safe
def archive_schema(request: HttpRequest, name: str) -> JsonResponse:
    """Return the JSON Schema of a file of access archives."""
    if name not in list(services.SchemaName):
        raise Http404
    schema = services.archive_schema(services.SchemaName(name))
    return JsonResponse(schema, content_type="application/schema+json")
