"""Small things that staff meet: words instead of lists, names in breadcrumbs, pickers that work."""

import re
import socket

import pytest
from django.contrib import admin
from django.urls import reverse

from config.runtime.listening import Address
from tests.admin import make_world, sign_in


@pytest.mark.django_db
def test_no_page_shows_a_list_or_a_pair_of_python() -> None:
    make_world()
    client = sign_in()
    for model in admin.site._registry:
        row = model._default_manager.first()
        if row is None or model._meta.label == "consent.Suppression":
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for url in (reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])):
            page = client.get(url).content.decode()
            visible = re.sub(
                r"<pre.*?</pre>|<script.*?</script>|<textarea.*?</textarea>", "", page, flags=re.S
            )
            assert not re.search(r">\s*[\[(](&#x27;|&quot;)", visible), url


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["segment", "request"])
def test_a_question_names_its_object_and_loads_what_its_pickers_need(what: str) -> None:
    row = make_world()[what]
    page = {
        "segment": "segments_segment_archive",
        "request": "consent_privacyrequest_refuse",
    }[what]
    name, url = str(row), reverse(f"admin:{page}", args=[row.pk])
    text = sign_in().get(url).content.decode()
    header = text.split("</h1>")[0]
    # The first letter is made a capital.
    assert name.lower() in header.split("<h1")[-1].lower()
    assert "admin/js/core.js" in text


@pytest.mark.django_db
def test_the_date_picker_of_a_question_comes_after_what_it_needs() -> None:
    world = make_world()
    url = reverse("admin:profiles_profile_rectify", args=[world["profile"].pk])
    text = sign_in().get(f"{url}?key=birth_date").content.decode()
    scripts = re.findall(r'src="[^"]*admin/js/([\w.]+)', text)
    assert "core.js" in scripts


def test_a_held_address_is_taken_by_nobody_else() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = Address("127.0.0.1", port)
    assert address.bind_fault() is None
    with address.held():
        assert address.bind_fault()
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError):
                other.bind(("127.0.0.1", port))
    assert address.bind_fault() is None
