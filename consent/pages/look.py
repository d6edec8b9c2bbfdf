"""The company's logo and colour on the pages for customers.

Invariant: whatever the colour, texts and buttons can be read in the light and in the dark.
"""

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from consent.lib.colours import Colour, ink_on, read_colour, readable_on

# The grounds of pages.css.
_LIGHT, _DARK = read_colour("#ffffff"), read_colour("#14191a")
# Those that the setting may end in.
LOGO_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
}


@require_safe
def colours(request: HttpRequest) -> HttpResponse:
    """Return the style sheet with the company's colour."""
    if not settings.COMPANY_COLOUR:
        raise Http404
    light, dark = (
        _rule(readable_on(ground, read_colour(settings.COMPANY_COLOUR)))
        for ground in (_LIGHT, _DARK)
    )
    text = f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n"
    return HttpResponse(text, content_type="text/css")


@require_safe
def logo(request: HttpRequest) -> HttpResponse:
    """Return the picture that the settings name."""
    if not settings.COMPANY_LOGO:
        raise Http404
    path = Path(settings.COMPANY_LOGO)
    return HttpResponse(path.read_bytes(), content_type=LOGO_TYPES[path.suffix.lower()])


def _rule(colour: Colour) -> str:
    return f":root {{ --button: {colour}; --button-ink: {ink_on(colour)}; }}"
