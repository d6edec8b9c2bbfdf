"""The callers of the API in these tests: a service with its key, and a customer in a session."""

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage
from rest_framework.test import APIClient

from consent.services import send_links
from tests.factories import make_api_key

BASE = "/api/v1"


class FailingMail(BaseEmailBackend):
    """A mail server that refuses everything, and quotes the address."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        raise OSError(email_messages[0].to[0])


def service(*scopes: str, name: str = "tests") -> APIClient:
    """A service whose key has these scopes; all of them, if none are named."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_api_key(*scopes, name=name)}")
    return client


def mailed_token(email: str) -> str:
    """The token of the link that is mailed to an address."""
    APIClient().post(f"{BASE}/privacy/me/link/", {"email": email})
    send_links()
    body: Any = mail.outbox[-1].body
    return body.split("/privacy/#")[1].split()[0]


def customer(email: str) -> APIClient:
    """A customer who followed the link that was mailed to them."""
    client = APIClient()
    answer = client.post(f"{BASE}/privacy/me/session/", {"token": mailed_token(email)})
    assert answer.status_code == 201, answer.json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['token']}")
    return client


def read_archive(content: bytes) -> dict[str, Any]:
    """The files of an archive by name: those of JSON read, the others as texts."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    return {
        name: json.loads(text) if name.endswith(".json") else text for name, text in texts.items()
    }
