"""Charts as SVG are well-formed, have every value in a title, and escape all texts."""

from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from profiles.admin.kit.charts import Bar, Point, bars, curve, share_bar, sparkline
from profiles.admin.profile.graph import MOST_NODES, GraphFact, GraphNode, identity_graph

SVG_TEXT = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cs", "Cc", "Cn"))
)
NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)


def titles(picture: str) -> list[str]:
    return [title.text or "" for title in ElementTree.fromstring(picture).iter("title")]


@given(st.lists(st.builds(Bar, SVG_TEXT, st.integers(0, 10**12)), max_size=60))
def test_bars_say_every_value_and_stay_within_the_picture(columns: list[Bar]) -> None:
    picture = ElementTree.fromstring(bars(columns, title="<b>"))
    height = float(picture.attrib["viewBox"].split()[3])
    marks = list(picture.iter("rect"))
    assert len(marks) == len(columns)
    for mark, bar in zip(marks, columns, strict=True):
        assert 0 <= float(mark.attrib["y"]) <= height
        assert (mark.find("title").text or "").endswith(f": {bar.value:,}")  # type: ignore[union-attr]


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**9)), min_size=1, max_size=50))
def test_a_curve_is_well_formed_for_any_times_and_sizes(points: list[tuple[int, int]]) -> None:
    curve_points = [
        Point(NOW + timedelta(minutes=minutes), size) for minutes, size in sorted(points)
    ]
    picture = curve(curve_points, title="size")
    assert ElementTree.fromstring(picture).tag == "svg"
    assert f"most {max(size for _, size in points):,}" in picture


def test_a_curve_of_nothing_is_nothing() -> None:
    assert curve([], title="size") == ""
    assert sparkline([3], title="size") == ""
    assert ElementTree.fromstring(sparkline([3, 3], title="size")).tag == "svg"
    assert ElementTree.fromstring(share_bar(0, 0, title="none")).tag == "svg"


def node(number: int, namespace: str, label: str = "label", *, is_weak: bool = False) -> GraphNode:
    return GraphNode(id=number, namespace=namespace, label=label, is_vouched=True, is_weak=is_weak)


def make_fact(*numbers: int, trust: int = 2, source: str = "shop") -> GraphFact:
    return GraphFact(
        identifier_ids=numbers,
        source=source,
        trust=trust,
        trust_name="server",
        day=date(2026, 3, 1),
    )


def test_identifiers_seen_together_are_joined_by_one_line_with_all_their_facts() -> None:
    nodes = [node(1, "user_id"), node(2, "email"), node(3, "anonymous_id", is_weak=True)]
    facts = [
        make_fact(1, 2),
        make_fact(1, 2, trust=3, source="crm"),
        make_fact(1, 3, trust=1),
        make_fact(2, 99),
    ]
    picture = ElementTree.fromstring(identity_graph(nodes, facts))
    ties = [path for path in picture.iter("path") if "t-tie" in path.attrib["class"]]
    assert len(ties) == 2
    assert any(
        "twice" in title or "2 times by crm, shop" in title
        for title in titles(identity_graph(nodes, facts))
    )
    assert "t-trust-3" in ties[0].attrib["class"]


@given(SVG_TEXT)
def test_no_label_is_taken_for_markup(label: str) -> None:
    picture = identity_graph([node(1, "email", label)], [])
    assert titles(picture) == [f"email: {label} (vouched)"]


def test_many_identifiers_are_drawn_up_to_a_limit() -> None:
    nodes = [node(number, "anonymous_id", is_weak=True) for number in range(MOST_NODES * 3)]
    groups = list(ElementTree.fromstring(identity_graph(nodes, [])).iter("g"))
    assert len(groups) == MOST_NODES
    assert identity_graph([], []) == ""
