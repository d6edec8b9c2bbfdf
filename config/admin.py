"""The template and title of the admin's home page."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

admin.site.index_template = "admin/tessera/dashboard.html"
admin.site.index_title = _("Overview")
