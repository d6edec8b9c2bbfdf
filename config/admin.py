"""The admin site's front page."""

from django.contrib import admin

admin.site.index_template = "admin/tessera/dashboard.html"
admin.site.index_title = "Overview"
