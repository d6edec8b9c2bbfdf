"""The WSGI entry point of the web processes."""

import os

from django.core.wsgi import get_wsgi_application

from config.runtime import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
with embedded.explained():
    embedded.join()
application = get_wsgi_application()
