"""Files of any content: every row ends once, and a header is found."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.models import RefusedRow
from ingestion.services import drain_inbox, finish_import, prepare_import, start_import, try_import
from tests.factories import TESTER
from tests.ingestion.files import COLUMNS, PEOPLE, csv_of, upload
from tests.tries import tries

pytestmark = pytest.mark.django_db

ALPHABET = st.sampled_from(list("abcé0 ,;\t\"\n'=|"))


CELLS = st.text(ALPHABET, max_size=8)


ADDRESSES = st.sampled_from(["a@example.org", "b@example.org", "nobody", "", " c@example.org "])


DATES = st.sampled_from(["01/02/2025", "31/12/2024", "32/01/2025", "", "2025-01-01"])


@settings(
    max_examples=tries(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.lists(st.tuples(ADDRESSES, CELLS, CELLS, DATES), min_size=1, max_size=12),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
def test_every_row_of_a_generated_file_ends_once(
    rows: list[tuple[str, ...]], delimiter: str, encoding: str
) -> None:
    content = csv_of(COLUMNS, *rows, delimiter=delimiter, encoding=encoding)
    uploaded = upload(content)
    reading = {"delimiter": delimiter, "encoding": encoding}
    trial = try_import(uploaded, PEOPLE, reading)
    started = start_import(uploaded, PEOPLE, actor=TESTER, reading=reading)
    finish_import(started, drain_inbox)
    assert started.status == "done"
    assert started.rows == len(rows) == started.ended
    assert started.refused == RefusedRow.objects.filter(file_import=started).count()
    assert (trial.rows, trial.refused) == (started.rows, started.refused)
    # The earlier examples are in the store.
    again = start_import(upload(content), PEOPLE, actor=TESTER, reading=reading)
    finish_import(again, drain_inbox)
    assert (again.stored, again.unchanged) == (0, started.stored + started.unchanged)
    assert again.refused == started.refused


@settings(
    max_examples=tries(200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=4),
    delimiter=st.sampled_from(",;\t|"),
)
def test_a_first_row_that_names_the_columns_of_the_mapping_is_the_header(
    rows: list[tuple[str, ...]], delimiter: str
) -> None:
    content = csv_of(COLUMNS, *rows, delimiter=delimiter)
    reading = prepare_import(upload(content), PEOPLE).reading
    assert (reading["delimiter"], reading["has_header"]) == (delimiter, True)
