"""The views of OpenDSR 2.0.

Invariant: each answer is signed over the very bytes that are sent, and no answer has an identity in
it beside the request that is sent back, encoded, to who sent it.
"""

import logging
from collections.abc import Callable
from typing import Any, cast
from uuid import UUID, uuid4

from django.http import HttpResponse
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent import services
from consent.api.opendsr.serializers import SubjectRequestSerializer
from consent.api.problems import archive_response
from consent.models import Controller, SubjectRequest
from consent.opendsr import answers
from consent.opendsr.certificates import find_certificate
from consent.opendsr.contract import KINDS, hashes, references
from consent.opendsr.signatures import signature_headers
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.problems import problem
from profiles.api.kit.throttles import KeyThrottle
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib import outgoing
from profiles.lib.database import database_now
from profiles.models import ApiKey
from profiles.models.access import Scope
from profiles.services import InvalidCorrection

logger = logging.getLogger(__name__)


class SignedView(APIView):
    """A view whose answers are signed, and whose errors have the standard's shape."""

    # The contract is the standard's, so that our own schema leaves it out.
    schema = None

    def get_exception_handler(self) -> Callable[..., Response | None]:
        handle = super().get_exception_handler()

        def in_the_standards_shape(error: Exception, context: dict[str, Any]) -> Response | None:
            response: Response | None = handle(error, context)
            if response is not None:
                response.data = {"error": _error(response.status_code, response.data)}
                response.content_type = "application/json"
            return response

        return in_the_standards_shape

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final: HttpResponse = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(final, Response):
            # Rendered now, since the signature is of the bytes.
            final.render()
        headers = signature_headers(
            final.content, message_id=f"opendsr-{uuid4()}", now=database_now()
        )
        for name, value in headers.items():
            final[name] = value
        return final


class ControllerView(ScopedView, SignedView):
    """A view for a controller: a key with privacy:act whose name a controller is registered by."""

    scopes = {"GET": Scope.PRIVACY_ACT, "POST": Scope.PRIVACY_ACT, "DELETE": Scope.PRIVACY_ACT}
    # Asked for by the base of all views; these are no viewsets.
    action = None

    def controller(self, request: Request) -> Controller:
        controller = services.controller_of(cast("ApiKey", request.auth))
        if controller is None:
            raise problem("", "no_controller", "The key acts for no controller.", 403)
        return controller

    def subject_request(self, request: Request, pk: UUID) -> SubjectRequest:
        subject_request = services.find_subject_request(self.controller(request), pk)
        if subject_request is None:
            raise problem("", "unknown_request", "No request has this id.", 404)
        return subject_request


class DiscoveryView(SignedView):
    """What is supported, and where the certificate is. For everybody."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (KeyThrottle,)

    def get(self, request: Request) -> Response:
        return Response(answers.discovery())


class RequestsView(ControllerView):
    """Passing a request on."""

    def post(self, request: Request) -> Response:
        # Read before it is parsed: what is answered and signed is about these bytes.
        raw = request._request.body
        serializer = SubjectRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = serializer.validated_data
        controller = self.controller(request)
        callback_urls = tuple(fields.get("status_callback_urls", ()))
        _refuse_unregistered(callback_urls, controller)
        if "regulation" not in request.data:
            logger.warning("Controller %s sends no regulation.", controller.controller_id)
        new_request = services.NewSubjectRequest(
            subject_request_id=UUID(fields["subject_request_id"]),
            kind=KINDS[fields["subject_request_type"]],
            regulation=fields["regulation"],
            submitted_at=fields["submitted_time"],
            body=raw,
            references=tuple(references(fields["identities"])),
            hashes=tuple(hashes(fields["identities"])),
            changes=fields["changes"],
            callback_urls=callback_urls,
        )
        try:
            subject_request = services.open_subject_request(
                new_request, controller=controller, actor=actor_of(request)
            )
        except InvalidIdentifier as error:
            raise problem("subject_identities", "invalid_identity", str(error)) from None
        except InvalidCorrection as error:
            raise problem("extensions.changes", "invalid_correction", str(error)) from None
        except services.AlreadyPassedOn as error:
            raise problem("subject_request_id", "conflict", str(error)) from None
        return Response(answers.receipt(subject_request, raw), status=status.HTTP_201_CREATED)


class RequestView(ControllerView):
    """The status of a request, and cancelling it while it is pending."""

    def get(self, request: Request, pk: UUID) -> Response:
        return Response(answers.status_body(self.subject_request(request, pk)))

    def delete(self, request: Request, pk: UUID) -> Response:
        subject_request = self.subject_request(request, pk)
        try:
            services.cancel_subject_request(subject_request, actor=actor_of(request))
        except services.WrongStatus:
            raise problem("", "not_pending", "Only a pending request can be cancelled.") from None
        body = answers.cancellation(subject_request, now=database_now())
        return Response(body, status=status.HTTP_202_ACCEPTED)


class ResultsView(ControllerView):
    """The archive of an access or portability request: once, as the standard's URLs are."""

    def get(self, request: Request, pk: UUID) -> HttpResponse:
        privacy_request = self.subject_request(request, pk).request
        return archive_response(privacy_request, request, is_confirmed=True)


class CertificateView(SignedView):
    """A certificate in use, or one of before a rotation. For everybody."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (KeyThrottle,)

    def get(self, request: Request, certificate_id: str) -> HttpResponse:
        certificate = find_certificate(certificate_id)
        if certificate is None:
            raise problem("", "unknown_certificate", "No certificate has this id.", 404)
        return HttpResponse(certificate.pem, content_type="application/x-pem-file")


def _refuse_unregistered(urls: tuple[str, ...], controller: Controller) -> None:
    """Refuse an address that the controller did not register before; no name is resolved."""
    for place, url in enumerate(urls):
        if outgoing.host_of(url) not in controller.callback_hosts:
            path = f"status_callback_urls[{place}]"
            raise problem(path, "host_not_registered", "Its host is not registered.")


def _error(code: int, body: dict[str, Any]) -> dict[str, Any]:
    """Return the error object of the standard for a problem."""
    domain = "Validation" if code == status.HTTP_400_BAD_REQUEST else "Request"
    return {
        "code": code,
        "message": body["detail"] or body["title"],
        "errors": [
            {
                "domain": domain,
                "reason": fault["code"],
                "message": f"{fault['path']}: {fault['detail']}".removeprefix(": "),
            }
            for fault in body["errors"]
        ],
    }
