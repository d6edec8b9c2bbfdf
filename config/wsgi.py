"""The WSGI application of the web processes."""

import os

from django.core.wsgi import get_wsgi_application

from config.runtime import embedded
from config.runtime.slow_clients import WholeBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# A web process joins the servers once, before it takes requests.
with embedded.report_start_errors():
    embedded.join()
application = WholeBodies(get_wsgi_application())
