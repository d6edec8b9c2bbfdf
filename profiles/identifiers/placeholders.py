"""Placeholders: what programs send in place of an identifier, in whatever dress.

Invariant: what many programs send alike is nobody's, since it would make strangers one person.
"""

import re
import unicodedata

from profiles.lib.memory import remembered

# Zero-width and direction marks, soft hyphens, byte order marks: two texts that differ by them look
# the same.
INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

# As PostHog and Segment list them, and their kin, without what stands between or around the words:
# "(not set)" and "NOT_SET" are "notset".
_WORDS = frozenset(
    {
        # nothing
        *(
            "null",
            "none",
            "nil",
            "nan",
            "undefined",
            "void",
            "empty",
            "blank",
            "infinity",
            "notset",
            "unset",
            "notavailable",
            "notprovided",
        ),
        # nobody
        *(
            "anonymous",
            "anonymoususer",
            "guest",
            "unknown",
            "unknownuser",
            "unidentified",
            "notauthenticated",
            "unauthenticated",
            "notloggedin",
            "loggedout",
            "nouser",
        ),
        # the name of the field instead of its value
        *(
            "id",
            "uid",
            "uuid",
            "guid",
            "userid",
            "anonymousid",
            "distinctid",
            "customerid",
            "externalid",
            "visitorid",
            "deviceid",
            "sessionid",
            "email",
            "emailaddress",
            "noemail",
            "phone",
            "phonenumber",
        ),
        # truth
        *("true", "false"),
    }
)
_AROUND = " \t\r\n\"'`´‘’“”«»()<>[]#*;:,!?._-"
_BETWEEN = re.compile(r"[\s_\-./\\,;:]+")
# With its stroke: Na is a name.
_NOT_AVAILABLE = re.compile(r"n\s*[/\\.]\s*a")
_PATTERNS = re.compile(
    # Zeros and dashes, and nothing at all.
    r"[0-]*|[+-]?0+\.0+|-1"
    r"|f{8}-?(?:f{4}-?){3}f{12}"
    # Templates that nobody filled in. A GUID in braces has digits.
    r"|\{\{.*\}\}|[$#]\{.*\}|\{[a-z_.\s-]*\}|\[\[.*\]\]|<%.*%>|<\?.*\?>|%.+%|\[%.*%\]|\*\|.*\|\*"
    # What JavaScript and others print in place of a value.
    r"|\[(?:object|function)\b.*\]|\[native code\]|function\b ?\w*\(.*|\(.*\)\s*=>.*"
    r"|symbol\(.*\)|optional\(nil\)|nonetype|nsnull",
    re.DOTALL,
)
# Mailboxes of nobody, at any domain.
_MAILBOXES = frozenset({"test", "null", "none", "nil", "nan", "undefined", "notset", "noemail"})


@remembered(maxsize=65_536)
def stands_for_nobody(namespace: str, value: str) -> bool:
    """Whether the value is a placeholder, whatever its letters' case and width."""
    folded = folded_text(value)
    if _bare(folded) in _WORDS or _PATTERNS.fullmatch(folded):
        return True
    inside = folded.strip(_AROUND)
    # "undefined undefined", as of a first and a last name.
    if _NOT_AVAILABLE.fullmatch(inside) or _WORDS.issuperset(_BETWEEN.split(inside)):
        return True
    if namespace != "email":
        return False
    mailbox, at, domain = folded.partition("@")
    return bool(at) and (domain == "example.com" or _bare(mailbox) in _MAILBOXES)


def folded_text(value: str) -> str:
    """Return a text without what does not tell it from another to the eye."""
    visible = INVISIBLE.sub("", value)
    if not visible.isascii():
        visible = unicodedata.normalize("NFKC", visible)
        # Digits of all scripts: three Arabic zeros are zeros.
        visible = "".join(str(unicodedata.digit(sign, sign)) for sign in visible)
    return visible.strip().lower()


def _bare(folded: str) -> str:
    return _BETWEEN.sub("", folded.strip(_AROUND))
