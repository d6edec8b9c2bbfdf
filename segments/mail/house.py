"""The house layout: a head with the company's logo or name, and a foot with the way out.

Invariant: texts can be read in the light and in the dark, and nothing is loaded from elsewhere but
the company's own logo.
"""

from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import override

from consent.services import ink_on, read_colour, readable_on
from segments.mail.fields import COMPANY, UNSUBSCRIBE

GREEN, FONTS = "#0f6e66", "Helvetica, Arial, sans-serif"
WHITE = read_colour("#ffffff")
# Programs for mail show no SVG.
_SHOWN_LOGOS = (".png", ".jpg")
_LAYOUT = """<mjml><mj-head>
<mj-raw><meta name="color-scheme" content="light dark"></mj-raw>
<mj-attributes>
<mj-all font-family="[fonts]" />
<mj-text font-size="16px" line-height="1.55" color="#1c2726" />
<mj-button background-color="[colour]" color="[ink]" border-radius="6px" font-size="16px"
 inner-padding="12px 22px" align="left" />
</mj-attributes>
<mj-style>
h1 { font-size: 24px; line-height: 1.25; margin: 0; }
a { color: [link]; }
@media (prefers-color-scheme: dark) {
 body, .house-page { background: #14191a !important; }
 .house-card, .house-card table { background: #1e2728 !important; }
 .house-card div, .house-foot div, .house-head div { color: #e6eceb !important; }
 .house-card div a, .house-foot div a { color: #7fd1c7 !important; }
}
</mj-style></mj-head>
<mj-body background-color="#f1f4f3" css-class="house-page">
<mj-section padding="24px 0 8px"><mj-column>[head]</mj-column></mj-section>
<mj-section background-color="#ffffff" border-radius="10px" css-class="house-card">
<mj-column>[body]</mj-column></mj-section>
<mj-section padding="8px 0 24px"><mj-column>
<mj-text font-size="13px" color="#5b6866" css-class="house-foot">{{ [company] }}<br />
<a href="{{ [unsubscribe] }}" style="color:#5b6866">[words]</a></mj-text>
</mj-column></mj-section></mj-body></mjml>"""


def housed(body: str, language: str) -> str:
    """Return a whole MJML document around the content of one column."""
    colour = read_colour(settings.COMPANY_COLOUR or GREEN)
    with override(language):
        words = _("Receive no more of these mails")
    parts = {
        "fonts": FONTS,
        "colour": str(colour),
        "ink": str(ink_on(colour)),
        "link": str(readable_on(WHITE, colour)),
        "head": _head(),
        "company": COMPANY,
        "unsubscribe": UNSUBSCRIBE,
        "words": words,
    }
    page = _LAYOUT
    for name, text in parts.items():
        page = page.replace(f"[{name}]", text)
    # Last: what staff wrote may have such words in brackets, too.
    return page.replace("[body]", body)


def _head() -> str:
    name = f"{{{{ {COMPANY} }}}}"
    if Path(settings.COMPANY_LOGO or "").suffix.lower() in _SHOWN_LOGOS:
        address = f"{settings.PUBLIC_URL.rstrip('/')}/privacy/logo"
        return f'<mj-image src="{address}" alt="{name}" align="left" width="140px" />'
    style = 'font-size="18px" font-weight="700" css-class="house-head"'
    return f"<mj-text {style}>{name}</mj-text>"
