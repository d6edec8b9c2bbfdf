"""Which encoding the bytes of a text are in."""

import codecs

from charset_normalizer import CharsetMatch, from_bytes

SAMPLE_BYTES = 1024 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What spreadsheets and shops write. Asked about all encodings there are, the detection finds exotic
# ones in short files.
_CANDIDATES = ["cp1252", "cp1250", "cp1251", "mac_roman", "cp850", "cp932", "gb18030", "big5"]
# As many signs of UTF-8 for one byte that is none: then a row is damaged, and not the file.
_UTF8_SHARE = 10


def detect_encoding(sample: bytes) -> str:
    """Return Python's name of the encoding of a file that begins with the sample."""
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    if zeros := sample.count(0):
        # Without a mark: of two bytes of most Latin letters one is zero.
        is_wide = zeros > len(sample) // 4
        if is_wide:
            return "utf-16-le" if sample[1:2] == b"\0" else "utf-16-be"
    if _is_utf8(sample):
        return "utf-8"
    return _legacy(sample)


def _legacy(sample: bytes) -> str:
    """Return the most usual of the encodings that are equally likely."""
    matches = from_bytes(sample, cp_isolation=_CANDIDATES, threshold=0.5)
    best = matches.best()
    if best is None:
        return _CANDIDATES[0]
    equal = [each for each in matches if _score(each) == _score(best)]
    # Those in which the sample is the very same text, too.
    names = (name for each in equal for name in (each.encoding, *each.could_be_from_charset))
    return min(names, key=_rank)


def _score(match: CharsetMatch) -> tuple[float, float]:
    return round(match.chaos, 2), round(match.coherence, 2)


def _rank(encoding: str) -> int:
    return _CANDIDATES.index(encoding) if encoding in _CANDIDATES else len(_CANDIDATES)


def is_encoding(name: str) -> bool:
    """Whether a text can be read by this name of an encoding."""
    try:
        bytes(4).decode(name)
    except UnicodeDecodeError:
        # A text in it has other bytes.
        pass
    except (LookupError, ValueError):
        # Also one that makes no text, such as rot13.
        return False
    try:
        # Not by idna and others, which have a text end at the first byte that is none.
        codecs.getincrementaldecoder(name)("surrogateescape").decode(b"")
    except (LookupError, ValueError):
        return False
    return True


def _is_utf8(sample: bytes) -> bool:
    text = sample.decode("utf-8", "surrogateescape")
    damaged = sum(1 for sign in text[:-3] if "\udc80" <= sign <= "\udcff")
    if not damaged:
        return True
    whole = sum(1 for sign in text if sign > "\x7f" and not "\udc80" <= sign <= "\udcff")
    return whole >= _UTF8_SHARE * damaged
