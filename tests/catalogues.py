"""What is marked for translation, read from the source by itself, and what catalogues have.

A second way beside xgettext, so that a test needs no program of the machine.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import unfold
from django.apps import apps

ROOT = Path(__file__).parents[1]
APPS = ("config", "consent", "ingestion", "profiles", "segments")
MARKERS = {"_", "gettext", "gettext_lazy"}
PLURALS = {"ngettext", "ngettext_lazy"}
IN_CONTEXT = {"pgettext", "pgettext_lazy"}
TRANSLATE = re.compile(r"""{%\s*translate\s+(?:"([^"]*)"|'([^']*)')[^%]*%}""")
FILTERED = re.compile(r"""_\((?:"([^"]*)"|'([^']*)')\)""")
BLOCK = re.compile(
    r"{%\s*blocktranslate(?P<options>[^%]*(?:%(?!})[^%]*)*)%}"
    r"(?P<body>.*?){%\s*endblocktranslate\s*%}",
    re.DOTALL,
)
PLURAL = re.compile(r"{%\s*plural\s*%}")
VARIABLE = re.compile(r"{{\s*(\w+)\s*}}")
# What stands between tags and what is read aloud or shown in place of a value.
TAGS = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
HIDDEN = re.compile(
    r"{%\s*comment\s*%}.*?{%\s*endcomment\s*%}|<(script|style|pre)\b.*?</\1>|"
    r'<span class="material-symbols-outlined"[^>]*>.*?</span>',
    re.DOTALL,
)
SPOKEN = re.compile(r'\b(?:aria-label|placeholder|title|alt)="([^"]*)"')
# Names and keys, the same in every language.
NAMES = {"CSV", "JSON", "Ctrl+Z"}
WORD = re.compile(r"[A-Za-z]{2,}")


class Message(NamedTuple):
    """One text to translate, with its context if it has one."""

    text: str
    context: str = ""


def marked_messages(app: str) -> set[Message]:
    """Return what is marked in the source and the templates of an app."""
    messages = set()
    for path in (ROOT / app).rglob("*.py"):
        if "migrations" not in path.parts:
            messages |= set(_of_source(path.read_text()))
    for path in (ROOT / app).glob("templates/**/*.*"):
        messages |= set(_of_template(path.read_text()))
    return messages


def texts_of_unfold() -> str:
    """Return the source of Unfold, whose words our catalogues translate: it has none in French."""
    folder = Path(unfold.__file__).parent
    files = [*folder.rglob("*.html"), *folder.rglob("*.py")]
    return "\n".join(path.read_text() for path in files)


def texts_of(app: str) -> set[str]:
    """Return all texts in the source of an app: some are marked where they are used."""
    return {
        node.value
        for path in (ROOT / app).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def names_of_models() -> set[str]:
    """Return the names of models and fields, which Django makes of names in the source."""
    models = [model for app in APPS[1:] for model in apps.get_app_config(app).get_models()]
    named = [*models, *(field for model in models for field in model._meta.fields)]
    return {
        str(getattr(getattr(each, "_meta", each), name, ""))
        for each in named
        for name in ("verbose_name", "verbose_name_plural")
    }


def templates_of(app: str) -> list[Path]:
    return sorted((ROOT / app).glob("templates/**/*.html"))


def _of_source(source: str) -> Iterator[Message]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        texts = [
            part.value
            for part in node.args
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        ]
        if node.func.id in MARKERS | PLURALS and texts:
            yield Message(texts[0])
        if node.func.id in IN_CONTEXT and len(texts) == 2:
            yield Message(texts[1], texts[0])


def _of_template(template: str) -> Iterator[Message]:
    for pattern in (TRANSLATE, FILTERED):
        for match in pattern.finditer(template):
            yield Message(match[1] or match[2] or "")
    for match in BLOCK.finditer(template):
        first = PLURAL.split(match["body"])[0].replace("%", "%%")
        yield Message(VARIABLE.sub(r"%(\1)s", first))


def unmarked_texts(path: Path) -> list[str]:
    """Return the words of a template that everybody reads in one language."""
    template = HIDDEN.sub(" ", BLOCK.sub(" ", path.read_text()))
    spoken = [TAGS.sub(" ", text) for text in SPOKEN.findall(TRANSLATE.sub(" ", template))]
    shown = re.sub(
        r"<[^>]*>", "\n", TAGS.sub(" ", re.sub(r'"[^"<>]*"', '""', TRANSLATE.sub(" ", template)))
    )
    lines = [line.strip() for line in shown.splitlines()]
    return [
        text
        for text in map(str.strip, (*spoken, *lines))
        if WORD.search(text) and text not in NAMES
    ]


@cache
def catalogue(app: str) -> Mapping[Message, list[str]]:
    """Return the French texts of an app's catalogue in its source form."""
    path = ROOT / app / "locale/fr/LC_MESSAGES/django.po"
    return dict(_entries(path.read_text())) if path.exists() else {}


def _entries(text: str) -> Iterator[tuple[Message, list[str]]]:
    for paragraph in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        field = ""
        for line in paragraph.splitlines():
            match = re.match(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) (".*")$', line)
            if match:
                field = match[1]
                fields[field] = ast.literal_eval(match[2])
            elif line.startswith('"'):
                fields[field] += ast.literal_eval(line)
        if fields.get("msgid"):
            texts = [value for name, value in fields.items() if name.startswith("msgstr")]
            yield Message(fields["msgid"], fields.get("msgctxt", "")), texts


# What a page writes as it stands: numbers and days by Python's own signs, which are English.
PYTHONS_FORMAT = re.compile(r",|%$|%[-a-zA-Z]")
SENTENCE = re.compile(r"\b[A-Za-z]{2,} [a-z]{2,}\b|\{\} [a-z]{3,}\b|\b[a-z]{3,} \{\}")
# Calls whose texts nobody of staff reads as words of a page: logs, attributes and files.
UNREAD = {"path", "reverse", "format_html", "format_html_join", "debug", "info", "warning", "error"}


def english_formats(path: Path) -> list[str]:
    """Return what a module formats as English does, whatever language is read."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FormattedValue)
        and isinstance(node.format_spec, ast.JoinedStr)
        and PYTHONS_FORMAT.search(_literal(node.format_spec))
        and "%H:%M" not in _literal(node.format_spec)
    ]


def unmarked_sentences(path: Path) -> list[str]:
    """Return the sentences of a module that are neither marked nor in a place nobody reads."""
    tree = ast.parse(path.read_text())
    skipped = {id(node) for part in ast.walk(tree) for node in _unread(part)}
    texts = [
        _literal(node) if isinstance(node, ast.JoinedStr) else str(node.value)
        for node in ast.walk(tree)
        if id(node) not in skipped
        and (isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", None), str))
        and isinstance(node, ast.JoinedStr | ast.Constant)
    ]
    return [
        text
        for text in texts
        if SENTENCE.search(text) and not text.lstrip().startswith(("<", "WITH ", "SELECT "))
    ]


def _unread(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a node whose texts are not words of a page, or are marked."""
    match node:
        case ast.Module() | ast.ClassDef() | ast.FunctionDef():
            if node.body and isinstance(node.body[0], ast.Expr):
                yield node.body[0].value
        case ast.Raise():
            yield from ast.walk(node)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            if name in MARKERS | PLURALS | IN_CONTEXT | UNREAD:
                yield from ast.walk(node)
        case ast.JoinedStr():
            yield from node.values


def _literal(text: ast.JoinedStr) -> str:
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "{}" for part in text.values
    )
