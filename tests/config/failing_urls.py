"""The routes of the project, and one whose view fails with personal data in its message."""

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.urls import *  # noqa: F403  # Django finds the handlers of errors here, too
from config.urls import urlpatterns as project_urls
from profiles.api.kit.access import ScopedView
from profiles.models.access import Scope


class FailingView(ScopedView, APIView):
    scopes = {"GET": Scope.PROFILES_READ}

    def get(self, request: Request) -> Response:
        raise RuntimeError("ada@example.org")


urlpatterns = [path("api/v1/failing/", FailingView.as_view()), *project_urls]
