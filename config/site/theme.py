"""Settings of Unfold, the theme of the admin: its sidebar, search and colours."""

from typing import Any

from django.utils.translation import gettext_lazy as _

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Tessera",
    "SITE_HEADER": "Tessera",
    "SITE_SUBHEADER": _("Customer profiles"),
    "SITE_SYMBOL": "grid_view",
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "BORDER_RADIUS": "6px",
    "DASHBOARD_CALLBACK": "config.site.dashboard.dashboard",
    "STYLES": ["config.site.navigation.stylesheet"],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "config.site.navigation.favicon"}
    ],
    "ACCOUNT": {"navigation": "config.site.navigation.account"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "navigation": "config.site.navigation.sidebar",
    },
    "COLORS": {
        "primary": {
            "50": "oklch(97.5% .017 195)",
            "100": "oklch(94% .037 195)",
            "200": "oklch(88% .067 195)",
            "300": "oklch(80% .095 195)",
            "400": "oklch(74% .105 195)",
            # Links on dark pages, which need a contrast of 4.5.
            "500": "oklch(67% .105 195)",
            "600": "oklch(51% .085 195)",
            "700": "oklch(44% .073 195)",
            "800": "oklch(38% .061 195)",
            "900": "oklch(33% .05 195)",
            "950": "oklch(24% .04 195)",
        },
    },
}
