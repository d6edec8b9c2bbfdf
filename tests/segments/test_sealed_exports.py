"""Files of exports that are encrypted for one reader."""

from collections.abc import Iterator

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.models import Purpose
from segments.lib.sealing import sealed
from tests.factories import make_client, make_purpose
from tests.segments.exporting import body_of, make_people, make_segment


@pytest.fixture
def purpose() -> Purpose:
    return make_purpose("newsletter")


@pytest.mark.django_db
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_file_for_a_key_is_read_by_its_holder_alone(ending: str, purpose: Purpose) -> None:
    people = make_people(3, purpose)
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    make_segment(purpose)
    query = {"format": ending, "recipient": recipient}
    response = make_client().get("/api/v1/segments/all/export/", query)
    assert response["Content-Disposition"].endswith(f'.{ending}.age"')
    body = body_of(response)
    assert str(people[0].uuid).encode() not in body
    plain = pyrage.decrypt(body, [identity])
    assert plain.startswith({"csv": b'"id"', "jsonl": b'{"id"', "parquet": b"PAR1"}[ending])
    refused = make_client().get("/api/v1/segments/all/export/", query | {"recipient": "age1x"})
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["path"] == "recipient"


@given(st.lists(st.binary(max_size=200_000), max_size=6))
def test_an_encrypted_file_is_the_plain_one(chunks: list[bytes]) -> None:
    identity = pyrage.x25519.Identity.generate()
    encrypted = b"".join(sealed(iter(chunks), str(identity.to_public())))
    assert pyrage.decrypt(encrypted, [identity]) == b"".join(chunks)


def test_an_encrypted_file_that_breaks_off_is_no_whole_one() -> None:
    identity = pyrage.x25519.Identity.generate()

    def breaking() -> Iterator[bytes]:
        yield b"a" * 100_000
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(sealed(breaking(), str(identity.to_public())))
    file = sealed(iter([b"a" * 100_000, b"b"]), str(identity.to_public()))
    first = next(file)
    file.close()  # type: ignore[attr-defined]
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(first, [identity])
