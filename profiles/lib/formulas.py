"""Texts that a spreadsheet takes for formulas, which an export must not plant in anybody's sheet.

Pure. Source: OWASP, CSV Injection. A sheet may be opened with another separator than it was
written with, so that what stands after any of them is looked at, too.
"""

import re

STARTS = "=+-@\t\r\n＝＋－＠"
SEPARATORS = ",;|\t\r\n"
# A cell begins with the text, after a separator, or after a quotation mark there.
_CELL = re.compile(rf"(\A|[{SEPARATORS}])([ \"'\u00a0]*)(?=[{re.escape(STARTS)}])")
QUOTE = "'"


def neutralised(text: str) -> str:
    """Return the text with an apostrophe before all that would begin a formula."""
    return _CELL.sub(rf"\1{QUOTE}\2", text)
