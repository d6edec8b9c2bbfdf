"""No request to the tracking API is answered with a server error, with or without a key."""

import gzip
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingestion.services import drain_inbox
from profiles.models import Source
from tests.factories import make_write_key
from tests.ingestion import strategies as odd
from tests.tries import tries

PATHS = ("identify", "track", "page", "screen", "group", "alias", "batch", "import", "nothing")
ANSWERS = {200, 204, 207, 400, 401, 403, 404, 405}
bodies = st.one_of(
    odd.batches(),
    odd.messages().map(lambda message: message.encode(errors="surrogatepass")),
    odd.batches().map(gzip.compress),
    odd.batches().map(lambda body: gzip.compress(body)[:-5]),
    st.binary(max_size=40),
    st.sampled_from([b"", b"[" * 100_000, b"\x1f\x8b", b"\xef\xbb\xbf", b"x" * 600_000]),
)
header_text = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=20)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Authorization": header_text
        | header_text.map("Basic {}".format)
        | header_text.map("Bearer {}".format),
        "Content-Encoding": st.sampled_from(["gzip", "GZIP", "br", ""]) | header_text,
        "Sec-GPC": st.sampled_from(["1", "0"]) | header_text,
        "Origin": header_text,
    },
)


@settings(
    deadline=None,
    max_examples=tries(300),
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    method=st.sampled_from(["post", "post", "post", "get", "put", "delete", "options", "head"]),
    path=st.sampled_from(PATHS),
    query=st.sampled_from(["", "?strict=1", "?strict=%00", "?strict=%FF"]),
    content_type=st.sampled_from(["application/json", "text/plain", "", "a/b; charset=nonsense"]),
    body=bodies,
    more=headers,
    with_key=st.booleans(),
)
@example("post", "track", "", "application/json", b"{}", {"Authorization": "Basic \xe9"}, False)
@pytest.mark.django_db
def test_no_input_is_a_server_error(
    client: Client,
    shop: Source,
    method: str,
    path: str,
    query: str,
    content_type: str,
    body: bytes,
    more: dict[str, str],
    with_key: bool,
) -> None:
    client.raise_request_exception = False
    sent: dict[str, Any] = dict(more)
    if with_key:
        sent["Authorization"] = f"Bearer {make_write_key(shop)}"
    answer = client.generic(
        method.upper(), f"/v1/{path}{query}", body, content_type=content_type, headers=sent
    )
    assert answer.status_code in ANSWERS
    if answer.status_code in (200, 207):
        drain_inbox()
