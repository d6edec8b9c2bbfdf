"""The template and title of the admin's home page."""

from django.contrib import admin

admin.site.index_template = "admin/tessera/dashboard.html"
admin.site.index_title = "Overview"
