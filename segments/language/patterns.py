"""The regular expressions of segments: a subset that PostgreSQL and Python read alike.

It has literals, `.`, `[...]` with ranges, `\\d \\w \\s` and their capitals (ASCII), groups, `|`,
`* + ? {m} {m,} {m,n}`, `^` and `$`.

Invariant: the canonical spelling contains nothing whose meaning depends on the engine, a locale or
a flag. Bounds multiply to at most MAX_REPEAT, so that no pattern takes exponential time or space.
"""

from dataclasses import dataclass

MAX_PATTERN_LENGTH = 200
# PostgreSQL's own limit for one bound.
MAX_REPEAT = 255
MAX_GROUP_DEPTH = 10
# Longer ranges are not searched for capitals, which would take long.
MAX_CASED_RANGE = 1000
# Spelled out, since both engines include characters beyond ASCII, though not the same ones.
SHORTHANDS = {"d": "0-9", "w": "A-Za-z0-9_", "s": " \t\n\r\f\v"}
SPECIAL = set(".[]{}()*+?|^$\\/-")
SUBSET_DESCRIPTION = (
    r"literals, ., [...], \d \w \s \D \W \S, ( ), (?: ), |, * + ? {m} {m,} {m,n}, ^ and $;"
    f" at most {MAX_PATTERN_LENGTH} characters; repeats that multiply to at most {MAX_REPEAT}"
)


class PatternError(ValueError):
    """The pattern is not in the subset; the text says why."""


def canonical_pattern(pattern: str, *, lower: bool = False) -> str:
    """Return the pattern in the spelling that both engines read alike.

    `lower` turns its literals into lower case, as `simple_lower` does. Raises PatternError.
    """
    if not pattern:
        raise PatternError("an empty pattern matches everything")
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise PatternError(f"longer than {MAX_PATTERN_LENGTH} characters")
    reader = _Reader(pattern, lower)
    canonical, _ = reader.alternatives(depth=0)
    # Only a closing bracket ends the alternatives before the end of the pattern.
    if reader.peek():
        raise PatternError("a ) that closes nothing")
    return canonical


def simple_lower(text: str) -> str:
    """Return the text in lower case, character by character, so that it keeps its length."""
    # Python lowers İ to two characters, PostgreSQL to one.
    return "".join("i" if char == "İ" else char.lower() for char in text)


@dataclass(slots=True)
class _Reader:
    """A recursive descent parser.

    Most methods return the canonical text of what they read, and the largest product of the
    bounds in it.
    """

    pattern: str
    lower: bool
    position: int = 0

    def peek(self) -> str:
        return self.pattern[self.position : self.position + 1]

    def take(self) -> str:
        char = self.peek()
        if not char:
            raise PatternError("it ends too early")
        self.position += 1
        return char

    def alternatives(self, *, depth: int) -> tuple[str, int]:
        branches = [self.branch(depth)]
        while self.peek() == "|":
            self.take()
            branches.append(self.branch(depth))
        return "|".join(text for text, _ in branches), max(size for _, size in branches)

    def branch(self, depth: int) -> tuple[str, int]:
        texts, largest = [], 1
        while self.peek() not in ("", "|", ")"):
            text, size = self.piece(depth)
            texts.append(text)
            largest = max(largest, size)
        if not texts:
            raise PatternError("an empty alternative or group")
        return "".join(texts), largest

    def piece(self, depth: int) -> tuple[str, int]:
        char = self.take()
        if char in "^$":
            if self.peek() and self.peek() in "*+?{":
                raise PatternError("a repeat of ^ or $")
            return char, 1
        text, size = self.atom(char, depth)
        bounds, repeat = self.quantifier()
        if size * repeat > MAX_REPEAT:
            raise PatternError(f"repeats that multiply to more than {MAX_REPEAT}")
        return text + bounds, size * repeat

    def atom(self, char: str, depth: int) -> tuple[str, int]:
        if char == "(":
            return self.group(depth)
        if char == "[":
            return self.bracket(), 1
        if char == "\\":
            return self.escape(), 1
        if char == ".":
            return char, 1
        if char in "*+?{}]":
            raise PatternError(f"a {char} where nothing can be repeated; write \\{char} for itself")
        return self.literal(char), 1

    def group(self, depth: int) -> tuple[str, int]:
        if depth >= MAX_GROUP_DEPTH:
            raise PatternError(f"groups deeper than {MAX_GROUP_DEPTH}")
        if self.peek() == "?":
            self.take()
            if self.take() != ":":
                raise PatternError("look-around, names and flags are not allowed; only (?: )")
        inner, size = self.alternatives(depth=depth + 1)
        if self.take() != ")":
            raise PatternError("a ( that is not closed")
        return f"(?:{inner})", size

    def escape(self) -> str:
        char = self.take()
        if char.lower() in SHORTHANDS:
            negation = "^" if char.isupper() else ""
            return f"[{negation}{SHORTHANDS[char.lower()]}]"
        if char not in SPECIAL:
            raise PatternError(f"the escape \\{char}")
        return self.literal(char)

    def literal(self, char: str) -> str:
        char = simple_lower(char) if self.lower else char
        return f"\\{char}" if char in SPECIAL else char

    def quantifier(self) -> tuple[str, int]:
        char = self.peek()
        if not char or char not in "*+?{":
            return "", 1
        self.take()
        text, repeat = (char, 1) if char != "{" else self.bounds()
        if self.peek() and self.peek() in "*+?{":
            raise PatternError("a repeat of a repeat")
        return text, repeat

    def bounds(self) -> tuple[str, int]:
        text = ""
        while self.peek() != "}":
            text += self.take()
        self.take()
        low, comma, high = text.partition(",")
        if not _is_number(low) or not (high == "" or _is_number(high)):
            raise PatternError(f"the bounds {{{text}}}")
        # {m,} has no upper bound and counts as its lower one, {0,} as one.
        maximum = int(high) if high else int(low) or len(comma)
        if int(low) > maximum or maximum > MAX_REPEAT or maximum == 0:
            raise PatternError(f"the bounds {{{text}}}")
        return "{" + low + comma + high + "}", maximum

    def bracket(self) -> str:
        negation = ""
        if self.peek() == "^":
            negation = self.take()
        parts: list[str] = []
        while self.peek() != "]":
            parts.append(self.bracket_part())
        self.take()
        if not parts:
            raise PatternError("an empty [ ]")
        return f"[{negation}{''.join(parts)}]"

    def bracket_part(self) -> str:
        char = self.take()
        if char == "\\":
            char = self.take()
            if char in SHORTHANDS:
                return self.shorthand(char)
            if char not in SPECIAL:
                raise PatternError(f"the escape \\{char} in [ ]")
        elif char == "[":
            raise PatternError("a [ in [ ]; write \\[")
        # A hyphen at the end of the brackets is a literal.
        if self.peek() == "-" and self.pattern[self.position + 1 : self.position + 2] not in (
            "]",
            "",
        ):
            return self.span(char)
        return self.literal(char)

    def shorthand(self, char: str) -> str:
        """Return what a class such as `\\w` stands for in brackets. It begins no range."""
        follower = self.pattern[self.position + 1 : self.position + 2]
        if self.peek() == "-" and follower not in ("]", ""):
            raise PatternError(f"the range \\{char}-{follower}")
        return SHORTHANDS[char]

    def span(self, low: str) -> str:
        self.take()
        high = self.take()
        if high == "\\":
            high = self.take()
            # A class such as \w has no place in an order.
            if high not in SPECIAL:
                raise PatternError(f"the range {low}-\\{high}")
        if low > high or high == "[":
            raise PatternError(f"the range {low}-{high}")
        if self.lower:
            low, high = _lower_range(low, high)
        return f"{_escaped(low)}-{_escaped(high)}"


def _lower_range(low: str, high: str) -> tuple[str, str]:
    if "A" <= low <= high <= "Z":
        return low.lower(), high.lower()
    # Other ranges with capitals would need to be split, so they are refused.
    codes = range(ord(low), ord(high) + 1)
    if len(codes) > MAX_CASED_RANGE or any(_has_lower(code) for code in codes):
        raise PatternError(f"the range {low}-{high} with ignore_case")
    return low, high


def _has_lower(code: int) -> bool:
    return simple_lower(chr(code)) != chr(code)


def _escaped(char: str) -> str:
    return f"\\{char}" if char in SPECIAL else char


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3
