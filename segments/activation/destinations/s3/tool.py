"""A bucket of S3, or of a service of its kind: files of what changed since the last."""

import re
from datetime import UTC

from django.utils.translation import gettext_lazy as _

from profiles.lib.database import database_now
from segments.activation.destinations.exchange import CallFailed, Exchange, Reply
from segments.activation.destinations.files import File, file_tool
from segments.activation.destinations.s3.signature import Account, headers_of
from segments.activation.destinations.tools import Setting
from segments.activation.outcomes import Outcome

# What needs no escaping in a URL, so that it is signed as it is sent.
_PLAIN = re.compile(r"[A-Za-z0-9._/-]*")


def _save(exchange: Exchange, file: File) -> None:
    settings = exchange.settings
    key = f"{settings['bucket']}/{settings.get('prefix', '')}{file.name}"
    if not _PLAIN.fullmatch(key):
        raise CallFailed(Outcome(None, "no_plain_name", is_general=True))
    url = f"{exchange.address}/{key}"
    account = Account(settings["key_id"], exchange.credentials["secret"], settings["region"])
    headers = headers_of(account, "PUT", url, file.content, database_now().astimezone(UTC))
    headers["Content-Type"] = "application/x-ndjson"
    reply = exchange.call("PUT", url, body=file.content, headers=headers)
    # A bucket that is not there is no fault of anybody in the file.
    (reply if reply.status != 404 else Reply(403, None)).required()


TOOL = file_tool(
    key="s3",
    title=_("Files in a bucket (S3)"),
    settings=(
        Setting(name="address", label=_("Address of the service")),
        Setting(name="region", label=_("Region"), default="us-east-1"),
        Setting(name="bucket", label=_("Bucket")),
        Setting(name="prefix", label=_("Beginning of the names"), is_required=False),
        Setting(name="key_id", label=_("Access key ID")),
        Setting(name="secret", label=_("Secret access key"), is_secret=True),
    ),
    save=_save,
)
