"""Both languages of the admin: whose choice it is, and that the catalogues are whole."""

import gettext
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.admin import make_world, sign_in
from tests.catalogues import (
    APPS,
    ROOT,
    Message,
    catalogue,
    english_formats,
    marked_messages,
    names_of_models,
    templates_of,
    texts_of,
    texts_of_unfold,
    unmarked_sentences,
    unmarked_texts,
)

PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
# The rooms whose modules write what people read, without statements and samples of code.
ROOMS = (
    "profiles/admin",
    "segments/admin",
    "segments/pages",
    "consent/admin",
    "consent/pages",
    "ingestion/admin",
    "config/site",
)
MODULES = [
    path
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*.py"))
    if path.name not in ("sql.py", "snippets.py")
]
# Keys with a blank in them, which are no words of a page.
KEYS = {"due soon", "in time", "one click", "timestamp in the future"}
# Templates that are still in English only. New ones are marked; this list only gets shorter.
ENGLISH_ONLY: set[str] = set()


@pytest.mark.parametrize("app", APPS)
def test_all_that_is_marked_is_translated_and_nothing_else_is_in_the_catalogue(app: str) -> None:
    marked, translated = marked_messages(app), catalogue(app)
    assert not marked - translated.keys(), "Add these to the catalogue."
    texts = {text for name in APPS for text in texts_of(name)} | names_of_models()
    stale = {message.text for message in translated.keys() - marked} - texts
    source = texts_of_unfold()
    assert not {text for text in stale if text not in source}, "Nothing says these any more."
    empty = [message.text for message, texts in translated.items() if not all(texts)]
    assert not empty


@pytest.mark.parametrize("app", APPS)
def test_translations_have_the_placeholders_of_what_they_translate(app: str) -> None:
    for message, texts in catalogue(app).items():
        for text in texts:
            names = set(PLACEHOLDER.findall(message.text))
            # A singular may leave the number out.
            assert set(PLACEHOLDER.findall(text)) <= names, message
            if len(texts) == 1:
                assert set(PLACEHOLDER.findall(text)) == names, message


@pytest.mark.parametrize("app", APPS)
def test_the_compiled_catalogue_is_that_of_the_source(app: str) -> None:
    compiled = ROOT / app / "locale/fr/LC_MESSAGES/django.mo"
    source = catalogue(app)
    if not source:
        assert not compiled.exists()
        return
    with compiled.open("rb") as file:
        translations = gettext.GNUTranslations(file)
    for message, texts in source.items():
        found = (
            translations.pgettext(message.context, message.text)
            if message.context
            else translations.gettext(message.text)
            if len(texts) == 1
            else translations.ngettext(message.text, message.text, 1)
        )
        assert found == texts[0], f"{message.text}: run msgfmt."


@pytest.mark.parametrize("app", APPS)
def test_no_template_of_the_admin_has_words_that_are_not_marked(app: str) -> None:
    for path in templates_of(app):
        name = str(path.relative_to(ROOT))
        if "/admin/" in name and name not in ENGLISH_ONLY:
            assert not unmarked_texts(path), name


def test_templates_that_are_marked_leave_the_list_of_those_in_english_only() -> None:
    assert all(unmarked_texts(ROOT / name) for name in ENGLISH_ONLY)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_has_words_or_numbers_that_are_always_english(path: Path) -> None:
    # Some texts are marked where they are used.
    translated = {message.text for app in APPS for message in catalogue(app)}
    assert not set(unmarked_sentences(path)) - translated - KEYS
    assert not english_formats(path), "Let `formatting` write it."


def test_english_words_and_formats_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        'a = f"{share:.0%} of {whole:,}"\nb = f"{day:%-d %b}"\nc = "Nobody is here."\n'
        'd = _("Nobody is here.")\ne = f"{at:%H:%M} {x:.1f}"\nf = f"key of {g}"\n'
    )
    assert english_formats(path) == ["{share:.0%}", "{whole:,}", "{day:%-d %b}"]
    assert unmarked_sentences(path) == ["Nobody is here.", "key of {}"]


def test_a_text_is_translated_in_one_way() -> None:
    # Catalogues are laid upon each other: of two translations one is never read.
    ways: dict[Message, set[tuple[str, ...]]] = {}
    for app in APPS:
        for message, texts in catalogue(app).items():
            ways.setdefault(message, set()).add(tuple(texts))
    assert [message for message, texts in ways.items() if len(texts) > 1] == []


@pytest.mark.django_db
def test_staff_choose_a_language_for_the_admin_and_for_nothing_else() -> None:
    make_world()
    client = sign_in()
    page = reverse("admin:segments_segment_changelist")
    assert "soixante jours" not in client.get(page).content.decode()
    chosen = client.post(reverse("set_language"), {"language": "fr", "next": page}, follow=True)
    assert "Soixante jours" in chosen.content.decode()
    assert client.cookies["django_language"]["path"] == "/admin/"
    problem = client.get("/api/v1/segments/").json()
    assert problem["detail"] == "Authentication credentials were not provided."
    client.post(reverse("set_language"), {"language": "en-gb", "next": page})
    assert "Sixty days" in client.get(page).content.decode()


@pytest.mark.django_db
def test_the_language_is_of_the_account_wherever_somebody_signs_in() -> None:
    user = User.objects.create_superuser("ada", password="a long enough word")
    client = Client()
    client.force_login(user)
    page = reverse("admin:profiles_source_changelist")
    client.post(reverse("set_language"), {"language": "fr", "next": page})
    client.post(reverse("set_language"), {"language": "tlh", "next": page})
    elsewhere = Client()
    elsewhere.force_login(user)
    assert elsewhere.get(page)["Content-Language"] == "fr"
    # Without an account it is the choice of the browser alone.
    stranger = Client()
    stranger.post(reverse("set_language"), {"language": "en-gb", "next": page})
    assert elsewhere.get(page)["Content-Language"] == "fr"
    other = Client()
    other.force_login(User.objects.create_superuser("bob"))
    assert other.get(page)["Content-Language"] == "en-gb"


@pytest.mark.django_db
def test_a_browser_in_french_gets_the_admin_in_french_until_somebody_chooses() -> None:
    world = make_world()
    client = sign_in()
    page = reverse("admin:segments_segment_overview", args=[world["segment"].pk])
    french = client.get(page, headers={"Accept-Language": "fr-FR,fr;q=0.9"})
    assert french["Content-Language"] == "fr"
    assert "Entrées et sorties" in french.content.decode()
    assert "Entries and exits" in client.get(page).content.decode()
