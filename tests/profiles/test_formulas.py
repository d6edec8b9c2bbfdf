"""Cells of files: no spreadsheet runs what they say."""

import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st

from profiles.lib.formulas import STARTS, neutralised

TEXTS = st.text(alphabet=st.sampled_from([*STARTS, *" ,;|\"'aé\u00a0"]), max_size=12)


@given(text=TEXTS, dialect=st.sampled_from([",", ";", "\t", "|"]))
@example(text="a;=1+1", dialect=";")
@example(text='",=cmd()', dialect=",")
@example(text="\t=1", dialect="\t")
@example(text="＝1", dialect=",")
def test_no_cell_is_a_formula_whatever_separator_the_file_is_opened_with(
    text: str, dialect: str
) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_NONNUMERIC).writerow(["id", neutralised(text), "end"])
    written.seek(0)
    for row in csv.reader(written, delimiter=dialect):
        for cell in row:
            assert not cell.lstrip(' "\u00a0').startswith(tuple("=+-@＝＋－＠")), row


@given(st.text(alphabet=st.characters(exclude_characters=[*STARTS, ",", ";", "|"])))
def test_a_plain_text_stays_as_it_is(text: str) -> None:
    assert neutralised(text) == text
