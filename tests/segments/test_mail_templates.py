"""Mail templates: what they say to whom, what is refused, and which version is sent."""

from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from profiles.models import AuditEntry, Profile, StaffRead, TraitDefinition
from segments.models import MailTemplate
from segments.services import (
    advance,
    create_mail_template,
    in_scheme,
    install_template,
    preview_mail,
    publish_automation,
    templates,
    update_automation,
    update_mail_template,
)
from tests.admin import sign_in
from tests.factories import TESTER, make_client, make_profile, make_purpose
from tests.segments.flows import SIGNED_UP, do, pass_time, publish

pytestmark = pytest.mark.django_db
STEP = {"type": "mail", "template": "hello"}
ANYBODY = {"type": "everyone"}
EMPTY = {"trigger": SIGNED_UP, "steps": [{"type": "wait", "for": {"days": 1}}]}
WAY_OUT = '<a href="{{ link.unsubscribe }}">out</a>'
EN = {
    "subject": "Hello {{ first_name | there }}",
    "body": "<mj-text>Well, {{ first_name | friend }}?</mj-text>",
}
FR = {"subject": "Bonjour {{ first_name | à vous }}", "body": "<mj-text>Alors ?</mj-text>"}


def template(**words: Any) -> MailTemplate:
    markup = words.pop("markup", "house")
    texts = {"en": {**EN, **words}, "fr": {**FR, **words}}
    return create_mail_template(key="hello", name="Hello", markup=markup, texts=texts, actor=TESTER)


def api() -> APIClient:
    return make_client("segments:read", "segments:write", "profiles:read")


def refused(texts: Any, markup: str = "house") -> list[tuple[str, str]]:
    body = {"key": "hello", "name": "Hello", "markup": markup, "texts": texts}
    response = api().post("/api/v1/mail-templates/", body)
    assert response.status_code == 400, response.content
    return [(fault["path"], fault["detail"]) for fault in response.json()["errors"]]


def test_a_mail_has_a_page_a_text_and_a_way_out_in_both() -> None:
    template()
    publish(STEP)
    do("Signed Up")
    pass_time()
    (sent,) = mail.outbox
    (page,) = sent.alternatives  # type: ignore[attr-defined]
    link = sent.extra_headers["List-Unsubscribe"].strip("<>")
    assert sent.subject == "Hello Ada"
    assert "Well, Ada?" in sent.body
    assert "Well, Ada?" in page.content
    assert link in sent.body
    assert f'href="{link}"' in page.content
    assert "<img" not in page.content


def test_a_text_that_staff_wrote_is_kept() -> None:
    row = template(text="By hand for {{ first_name | you }}.\n")
    assert preview_mail(row, {"first_name": "Ada"}).text.startswith("By hand for Ada.\n")


def test_who_is_on_their_way_gets_the_version_that_was_published() -> None:
    row = template()
    automation = publish({"type": "wait", "for": {"days": 1}}, STEP, again="always")
    do("Signed Up")
    update_mail_template(
        row, actor=TESTER, changes={"texts": {"en": {**EN, "subject": "Anew"}, "fr": FR}}
    )
    pass_time(days=2)
    publish_automation(automation, actor=TESTER)
    do("Signed Up", "bob")
    pass_time(days=2)
    assert [str(message.subject) for message in mail.outbox] == ["Hello Ada", "Anew"]


def test_a_step_with_an_unknown_template_is_refused_with_the_nearest_one() -> None:
    template()
    with pytest.raises(ValueError, match=r"steps\[0\]\.template: .*Nearest: hello"):
        publish({"type": "mail", "template": "helo"})


def test_a_value_is_text_and_never_markup_a_field_or_a_header() -> None:
    row = template(
        subject="{{ first_name | there }}",
        body='<mj-text>{{ first_name | x }}</mj-text><mj-button href="https://shop.example/?n='
        '{{ first_name | x }}">Go</mj-button>',
    )
    value = '<b onclick="x">&{{ first_name | y }}\nBcc: eve@example.org'
    letter = preview_mail(row, {"first_name": value})
    assert "\n" not in letter.subject
    assert "<b onclick" not in letter.html
    assert "&lt;b onclick=&quot;x&quot;&gt;&amp;{{ first_name | y }} Bcc" in letter.html
    assert "https://shop.example/?n=%3Cb%20onclick%3D%22x%22%3E%26%7B%7B" in letter.html
    assert value.split("\n")[0] in letter.text


class _Shape(HTMLParser):
    """Notes elements and attributes, without the texts between."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.shape: list[Any] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, [name for name, _ in attrs]))
        self.shape += [value for name, value in attrs if name == "style"]


@settings(deadline=None)
@given(value=st.text(min_size=1, max_size=60))
def test_no_value_changes_the_shape_of_a_page(value: str) -> None:
    row = MailTemplate(
        markup="html",
        texts={
            "en": {
                "subject": "x",
                "body": f"<p title='{{{{ first_name | x }}}}'>{{{{ first_name | y }}}}</p>{WAY_OUT}"
                "<a href='https://shop.example/{{ first_name | z }}'>go</a>",
            }
        },
    )
    page = preview_mail(row, {"first_name": value}).html
    assert _Shape(page).shape == _Shape(preview_mail(row, {}).html).shape


def test_dates_and_numbers_are_written_in_the_language_of_the_mail() -> None:
    TraitDefinition.objects.create(key="birthday", type="date")
    TraitDefinition.objects.create(key="score", type="number")
    row = template(body="<mj-text>{{ birthday | soon }}: {{ score | 0 }}</mj-text>")
    traits = {"birthday": "1990-03-14", "score": 12.5, "language": "fr"}
    assert "14 mars 1990: 12,5" in preview_mail(row, traits).text
    assert "14 March 1990: 12.5" in preview_mail(row, traits, language="en").text
    assert "soon: 0" in preview_mail(row, {"birthday": True}).text


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("<mj-text>\n<b>x</mj-text>", "Line 2: </mj-text> ends"),
        ("<mj-text>x", "Line 1: <mj-text> never ends"),
        ("\n<mj-foo>x</mj-foo>", "Line 2: <mj-foo> is not known here"),
        ("<mj-include path='/etc/passwd' />", "<mj-include> is not known here"),
        ("<mj-text><script>x</script></mj-text>", "<script> is not allowed"),
        ("<mj-text><b onclick='x'>x</b></mj-text>", "onclick is not allowed"),
        ("<mj-button href='javascript:x'>x</mj-button>", "Addresses begin with"),
        ("<mj-button href='{{ first_name | x }}'>x</mj-button>", "after its host"),
        ("<mj-text color='{{ first_name | x }}'>x</mj-text>", "cannot stand in color"),
        ("<mj-style>{{ first_name | x }}</mj-style>", "cannot stand in a style"),
        ("<mj-text><!-- {{ first_name | x }} --></mj-text>", "cannot stand in a comment"),
        ("<mj-text>{{ first_name }}</mj-text>", "says nothing for whoever lacks it"),
        ("<mj-text>{{ first_name || }}</mj-text>", "A field is written"),
        ("<mj-text>{{ first_nam | x }}</mj-text>", "Nearest: first_name"),
        ("<mj-text>" + "<div>" * 3000 + "</div>" * 3000 + "</mj-text>", "at most 60 deep"),
    ],
)
def test_a_body_with_a_fault_is_refused_at_its_line(body: str, detail: str) -> None:
    faults = refused({"en": {**EN, "body": body}, "fr": FR})
    assert any(path == "texts.en.body" and detail in words for path, words in faults), faults


def test_all_faults_are_said_at_once() -> None:
    faults = refused({"en": {"subject": "{{ x }}", "body": "<p>"}, "DE": {}}, "html")
    assert {path for path, _ in faults} == {
        "texts.fr",
        "texts.DE",
        "texts.en.subject",
        "texts.en.body",
    }


@pytest.mark.parametrize("texts", [3, [], {}, {"en": 3, "fr": []}, {"en": {"subject": 1}}])
def test_texts_of_a_wrong_form_are_refused(texts: Any) -> None:
    assert refused(texts)


def test_plain_html_has_its_styles_in_its_elements() -> None:
    row = template(markup="html", body=f"<style>p {{ color: red }}</style><p>Hi</p>{WAY_OUT}")
    assert '<p style="color: red;">Hi</p>' in preview_mail(row, {}).html


def test_a_colour_and_a_name_of_the_company_are_in_the_house_layout(settings: Any) -> None:
    settings.COMPANY_COLOUR, settings.COMPANY_NAME = "#ffd400", "Rue & Fils"
    row = template(body="<mj-button href='https://shop.example/'>Go</mj-button>")
    page = preview_mail(row, {}, language="fr").html
    assert "background:#ffd400" in page
    assert "color:#000000" in page
    assert "Rue &amp; Fils" in page
    assert "Ne plus recevoir ces e-mails" in page


@pytest.mark.parametrize("key", [each.key for each in templates()])
def test_installing_an_automation_brings_its_mails(key: str) -> None:
    install_template(key, purpose=make_purpose(), actor=TESTER)
    rows = MailTemplate.objects.all()
    assert rows
    for row in rows:
        for language in ("en", "fr"):
            letter = preview_mail(row, {"first_name": "Ada"}, language=language)
            assert "<h1>" in letter.html
            assert letter.subject
            assert "{{" not in letter.html


def test_a_person_is_shown_by_the_api_to_keys_that_may_read_people() -> None:
    template()
    ada = make_profile(traits={"first_name": "Ada"})
    url, body = "/api/v1/mail-templates/hello/preview/", {"profile": str(ada.uuid)}
    response = api().post(url, body)
    assert response.json()["subject"] == "Hello Ada"
    other = make_client("segments:read", "segments:write")
    assert other.post(url, body).status_code == 403
    made_up = {"traits": {"first_name": "Bea"}, "language": "fr"}
    response = other.post(url, made_up)
    assert response.json()["subject"] == "Bonjour Bea"
    body["profile"] = "0190b7c4-0000-7000-8000-000000000000"
    assert api().post(url, body).status_code == 400


def test_the_page_shows_a_masked_person_in_frames_where_nothing_runs() -> None:
    row, ada = template(), make_profile(traits={"first_name": "Adelaide"})
    url = reverse("admin:segments_mailtemplate_change", args=[row.pk])
    text = sign_in("marketer").get(url, {"person": str(ada.uuid)}).content.decode()
    assert "Adelaide" not in text
    assert "A•••" in text
    assert text.count("<iframe") == text.count(" sandbox ") == 4
    text = sign_in().get(url, {"person": str(ada.uuid)}).content.decode()
    assert "Hello Adelaide" in text
    assert "Bonjour Adelaide" in text
    assert Profile.objects.count() == 1
    assert StaffRead.objects.exists()


def test_staff_send_a_template_to_themselves() -> None:
    row, client = template(), sign_in()
    User.objects.update(email="staff@example.org")
    url = reverse("admin:segments_mailtemplate_test", args=[row.pk])
    assert client.post(url, {"language": "fr", "person": ""}).status_code == 302
    (sent,) = mail.outbox
    assert (sent.subject, sent.extra_headers) == ("[Test] Bonjour à vous", {})
    assert AuditEntry.objects.filter(verb="mail_template.tested").exists()


def test_faults_stand_beside_the_fields_of_the_form() -> None:
    client, url = sign_in(), reverse("admin:segments_mailtemplate_add")
    fields = {"key": "hello", "name": "Hello", "markup": "house"}
    fields |= {f"en_{name}": text for name, text in EN.items()}
    fields |= {f"fr_{name}": text for name, text in FR.items()}
    response = client.post(url, fields | {"fr_body": "<mj-text>x"})
    assert "never ends" in response.content.decode()
    assert not MailTemplate.objects.exists()
    assert client.post(url, fields).status_code == 302
    row = MailTemplate.objects.get()
    edit = reverse("admin:segments_mailtemplate_edit", args=[row.pk])
    assert client.post(edit, fields | {"fr_subject": "Anew"}).status_code == 302
    row.refresh_from_db()
    assert (row.version, row.texts["fr"]["subject"]) == (2, "Anew")


def test_the_page_is_shown_in_the_dark_whatever_the_browser_prefers() -> None:
    page = preview_mail(template(), {}).html
    assert "prefers-color-scheme: dark" in page
    for is_dark, condition in ((True, "(min-width: 0)"), (False, "(max-width: 0)")):
        shown = in_scheme(page, is_dark=is_dark)
        assert "prefers-color-scheme" not in shown
        assert f"@media {condition}" in shown


def test_a_template_is_deleted_once_no_automation_sends_it() -> None:
    row = template()
    branch = {"type": "if", "test": ANYBODY, "then": [STEP], "else": []}
    automation = publish({"type": "wait", "for": {"days": 1}}, branch)
    client, page = sign_in("admin"), reverse("admin:segments_mailtemplate_change", args=[row.pk])
    assert "sent by flow" in client.get(page).text
    do("Signed Up")
    advance()
    update_automation(automation, actor=TESTER, changes={"definition": EMPTY})
    publish_automation(automation, actor=TESTER)
    # Ada is under way in the version that sends it.
    refused = make_client().delete(f"/api/v1/mail-templates/{row.key}/")
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (409, "key")
    pass_time(days=2)
    assert len(mail.outbox) == 1
    assert "sent by" not in client.get(page).text
    assert client.post(reverse("admin:segments_mailtemplate_end", args=[row.pk])).status_code == 302
    assert not MailTemplate.objects.exists()
    assert make_client().delete(f"/api/v1/mail-templates/{row.key}/").status_code == 404
