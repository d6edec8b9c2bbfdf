"""Mail files go with the person that they were written to."""

from pathlib import Path

import pytest
from django.core import mail
from pytest_django import Settings

from consent.customers.mail import FILE_BACKEND, erase_mail_files
from profiles.identifiers.normalisers import normalise


def test_mail_files_that_name_an_erased_address_go_and_others_stay(
    settings: Settings, tmp_path: Path
) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = FILE_BACKEND, str(tmp_path)
    for address in ("Ada@example.org", "bob@example.org"):
        mail.send_mail("Your data", "A link.", None, [address])
    assert len(list(tmp_path.iterdir())) == 2
    assert erase_mail_files(["email:ada@example.org", "user_id:bob@example.org"]) == 1
    assert [b"bob@" in path.read_bytes() for path in tmp_path.iterdir()] == [True]
    assert erase_mail_files(["email:ada@example.org"]) == 0


def test_where_mail_goes_to_a_server_there_are_no_files(settings: Settings) -> None:
    assert erase_mail_files(["email:ada@example.org"]) == 0


@pytest.mark.parametrize(
    ("erased", "neighbours"),
    [
        ("da@example.org", ["ada@example.org", "da@example.org.uk", "x.da@example.org"]),
        ("élise@example.org", ["lise@example.org", "elise@example.org"]),
        ("ada@bücher.example", ["ada@bucher.example"]),
    ],
)
def test_mail_files_go_by_the_address_and_not_by_a_part_of_it(
    settings: Settings, tmp_path: Path, erased: str, neighbours: list[str]
) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = FILE_BACKEND, str(tmp_path)
    for address in (erased, f"Somebody <{erased.upper()}>", *neighbours):
        mail.send_mail("Your data", f"A link. {neighbours[0]} {erased}", None, [address])
    reference = f"email:{normalise('email', erased)}"
    assert erase_mail_files([reference]) == 2
    assert len(list(tmp_path.iterdir())) == len(neighbours)
