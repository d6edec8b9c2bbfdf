"""Toy histories as text, a line a fact, and some that show what rules are for.

Invariant: a line that cannot be read is named by its number, and its content is never repeated.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.identity.engine import Trust
from profiles.identity.ruleset.sandbox import ToyFact, ToyFault, ToyHistory, ToyVerdict
from profiles.models import DecisionVerdict

TRUSTS = {trust.name.lower(): trust for trust in Trust}
VERDICTS = {str(verdict): verdict for verdict in DecisionVerdict}
MOST_CHARACTERS = 20_000


class Preset(NamedTuple):
    """A history to begin with, and what to look at."""

    title: str | Promise
    hint: str | Promise
    text: str


PRESETS: Mapping[str, Preset] = {
    "browser": Preset(
        _("A shared browser"),
        _(
            "Three people log in on one tablet. Two user ids are never one person, so each keeps "
            "theirs; lower the caps, and the tablet names nobody."
        ),
        """\
server user_id:ada anonymous_id:tablet-1
server user_id:bob anonymous_id:tablet-1
server user_id:cleo anonymous_id:tablet-1
claim anonymous_id:tablet-1
""",
    ),
    "family": Preset(
        _("A family's e-mail"),
        _(
            "Two people give one address. It stays with the first; make user_id not unique, and "
            "they become one."
        ),
        """\
server user_id:ada email:home@family.fr
server user_id:bob email:home@family.fr
claim anonymous_id:laptop-1 email:home@family.fr
""",
    ),
    "phone": Preset(
        _("A recycled telephone number"),
        _(
            "A number goes to somebody else after two years. Without a user id nothing keeps them "
            "apart: try a verdict, as not_same email:ada@mail.fr email:bob@mail.fr."
        ),
        """\
2024-01-10 server email:ada@mail.fr phone:+33612345678
2026-02-01 server email:bob@mail.fr phone:+33612345678
2026-02-02 server email:bob@mail.fr anonymous_id:laptop-1
""",
    ),
    "till": Preset(
        _("A card that the till uses for everybody"),
        _(
            "One customer card is scanned for whoever has none. The limit of addresses stops "
            "those who come last; block the value card till-1, and each is a person."
        ),
        """\
server card:till-1 email:ada@mail.fr
server card:till-1 email:bob@mail.fr
server card:till-1 email:cleo@mail.fr
server card:till-1 email:dora@mail.fr
server card:till-1 email:emil@mail.fr
server card:till-1 email:fay@mail.fr
""",
    ),
}


def read_history(text: str, *, today: date) -> ToyHistory:
    """Read lines such as `2026-02-01 server user_id:ada email:ada@mail.fr`.

    The day and the trust may be missing: today, and server. `same A B`, `not_same A B` and
    `related A B` are verdicts. Raises ToyFault with the number of the line as its path.
    """
    facts: list[ToyFact] = []
    verdicts: list[ToyVerdict] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in VERDICTS:
            verdicts.append(_verdict(words, number))
        else:
            facts.append(_fact(words, number, today))
    return ToyHistory(facts, verdicts)


def _verdict(words: list[str], number: int) -> ToyVerdict:
    if len(words) != 3:
        raise ToyFault(str(number), gettext("A verdict names two identifiers."))
    return ToyVerdict(VERDICTS[words[0]], words[1], words[2])


def _fact(words: list[str], number: int, today: date) -> ToyFact:
    day, trust = today, Trust.SERVER
    if words[0][:1].isdecimal() and ":" not in words[0]:
        try:
            day = date.fromisoformat(words.pop(0))
        except ValueError:
            raise ToyFault(str(number), gettext("A day is like 2026-02-01.")) from None
    if words and words[0] in TRUSTS:
        trust = TRUSTS[words.pop(0)]
    if not words or not all(":" in word for word in words):
        detail = gettext("An identifier is like email:ada@mail.fr, a trust one of %(trusts)s.")
        raise ToyFault(str(number), detail % {"trusts": ", ".join(TRUSTS)})
    return ToyFact(words, trust, day)
