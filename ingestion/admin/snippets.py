"""Code that sends a first event with a key, for the page of a source."""

from typing import NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _

from ingestion.models import WriteKey


class Snippet(NamedTuple):
    """A piece of code: its name in the address and on its tab, and for which kind of key it is."""

    id: str
    title: str
    kind: WriteKey.Kind
    code: str


BROWSER = """<!-- the folder dist/umd of @segment/analytics-next, served by your site -->
<script src="/analytics/index.js"></script>
<script>
  const analytics = AnalyticsNext.AnalyticsBrowser.load({
    writeKey: "@KEY@",
    cdnURL: "@HOST@",
  })
  analytics.page()
</script>"""
NODE = """import { Analytics } from "@segment/analytics-node"

const analytics = new Analytics({ writeKey: "@KEY@", host: "@HOST@" })
analytics.identify({ userId: "42", traits: { email: "ada@example.com" } })
analytics.track({ userId: "42", event: "Order Completed", properties: { revenue: 19.99 } })
await analytics.closeAndFlush()"""
PYTHON = """from segment import analytics  # segment-analytics-python

analytics.write_key = "@KEY@"
analytics.host = "@HOST@"
analytics.identify("42", {"email": "ada@example.com"})
analytics.track("42", "Order Completed", {"revenue": 19.99})
analytics.flush()"""
PHP = """$body = json_encode(["userId" => "42", "event" => "Order Completed",
    "properties" => ["revenue" => 19.99], "messageId" => bin2hex(random_bytes(16))]);
$request = curl_init("@HOST@/v1/track");
curl_setopt_array($request, [
    CURLOPT_POSTFIELDS => $body,
    CURLOPT_USERPWD => "@KEY@:",
    CURLOPT_HTTPHEADER => ["Content-Type: application/json"],
    CURLOPT_RETURNTRANSFER => true,
]);
curl_exec($request);"""
CURL = """curl @HOST@/v1/track -u "@KEY@:" -H "Content-Type: application/json" \\
  -d '{"userId": "42", "event": "Order Completed", "properties": {"revenue": 19.99}}'"""
PUBLIC, SECRET = WriteKey.Kind.PUBLIC, WriteKey.Kind.SECRET


def snippets(key: str, *, kind: WriteKey.Kind | None = None) -> list[Snippet]:
    """Return the snippets with the key filled in: of a kind of keys, or of both without one."""
    everything = (
        ("browser", _("Browser"), PUBLIC, BROWSER),
        ("node", "Node", SECRET, NODE),
        ("python", "Python", SECRET, PYTHON),
        ("php", "PHP", SECRET, PHP),
        ("curl", "curl", SECRET, CURL),
    )
    return [
        Snippet(id_, title, of, code.replace("@KEY@", key).replace("@HOST@", settings.PUBLIC_URL))
        for id_, title, of, code in everything
        if kind in (None, of)
    ]
