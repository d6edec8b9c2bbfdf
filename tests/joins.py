"""A lint of SQL: what a cluster cannot do in one statement, or only by sending a table around.

People and what lies beside them are spread by profile, identifiers by their value, and what grows
with people otherwise lies on the coordinator. A query that joins two of these is refused there, or
sends all rows of one to every machine.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache, wraps
from types import ModuleType
from typing import Any

from django.apps import apps
from sqlglot import exp, parse
from sqlglot.errors import ParseError

from profiles.lib.cluster import BY_PERSON, PEOPLE
from profiles.registry import registry

PLACEHOLDER = re.compile(r"%\(\w+\)s|%s|%b")
LISTED = re.compile(r"(%s)(?:, %s)+")
# What a template is filled with, by the name of its part; any other is a value.
PARTS = {
    "joins": "",
    "unions": "",
    "selects": "SELECT NULL",
    "condition": "TRUE",
    "conditions": "TRUE",
}
QUERIES = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
Sources = dict[str, exp.Expression]

# The joins across machines that the test at hand has executed, by statement.
observed: dict[str, list[str]] = {}


def watch(execute: Callable[..., Any], statement: Any, *rest: Any) -> Any:
    """Look at a statement before it is executed: a wrapper of Django's connections."""
    is_query = isinstance(statement, str) and statement.lstrip().startswith(QUERIES)
    if is_query and is_crossing(statement) and (faults := _faults_of_shape(normalised(statement))):
        observed[statement] = faults
    return execute(statement, *rest)


def faults_of(statement: str) -> list[str]:
    """What a cluster would refuse in a statement, or do at the cost of a whole table."""
    places = _places()
    if not any(table in statement for table in places):
        return []
    blocks = [block for tree in _parsed(statement) for block in _blocks(tree)]
    return [fault for block in blocks for fault in _judge(block)]


def is_crossing(statement: str) -> bool:
    """Whether a statement names tables of several places, so that a closer look is needed."""
    places = {place for table, place in _places().items() if table in statement}
    return len(places) > 1 or statement.count("profiles_identifier ") > 1


def normalised(statement: str) -> str:
    """A statement with lists of values of any length alike."""
    return LISTED.sub(r"\1", statement)


def constants(module: ModuleType) -> Iterator[tuple[str, str]]:
    """The name and text of each statement of a module."""
    for name, text in vars(module).items():
        if name.isupper() and isinstance(text, str) and " " in text:
            yield name, text


@cache
def _faults_of_shape(statement: str) -> list[str]:
    return faults_of(statement)


@cache
def _places() -> dict[str, str]:
    """Where the rows of each table lie that grows with people."""
    places = {apps.get_model(data.label)._meta.db_table: "the coordinator" for data in registry}
    for label, column in registry.spread.items():
        table = apps.get_model(label)._meta.db_table
        is_beside = column == BY_PERSON or table == PEOPLE
        places[table] = "people" if is_beside else f"{table} by {column}"
    return places


@cache
def _columns() -> dict[str, str]:
    return {
        apps.get_model(label)._meta.db_table: column for label, column in registry.spread.items()
    }


def _parsed(statement: str) -> list[exp.Expression]:
    text = re.sub(r"\{(\w+)\}", lambda part: PARTS.get(part[1], "NULL"), statement)
    try:
        trees = parse(PLACEHOLDER.sub("NULL", text).replace("%%", "%"), read="postgres")
    except ParseError:
        if text.lstrip().startswith("COPY"):
            return []
        raise
    return [tree for tree in trees if tree is not None]


def _once(function: Callable[[exp.Expression], Any]) -> Callable[[exp.Expression], Any]:
    """Work a fact about a node out once: each is asked for by all queries around the node."""

    @wraps(function)
    def remembered(node: exp.Expression) -> Any:
        if function.__name__ not in node.meta:
            node.meta[function.__name__] = function(node)
        return node.meta[function.__name__]

    return remembered


def _blocks(tree: exp.Expression) -> Iterator[exp.Expression]:
    """The queries of a statement that stand alone: it, its CTEs, and subqueries of their own."""
    for node in tree.find_all(exp.Select, exp.Update, exp.Delete, exp.Insert):
        if not (isinstance(node, exp.Select) and _is_correlated(node)):
            yield node


def _judge(block: exp.Expression) -> Iterator[str]:
    tables = [name for name in _tables_of(block) if name in _places()]
    places = {_places()[name] for name in tables}
    if len(places) > 1:
        yield f"joins {' with '.join(sorted(set(tables)))}"
    if tables.count("profiles_identifier") > 1:
        yield "joins identifiers with each other, which lie by their value"
    yield from _judge_subqueries(block)
    yield from _judge_writes(block)


def _judge_subqueries(block: exp.Expression) -> Iterator[str]:
    spread = [node for node in _correlated(block) if set(_tables_of(node)) & _columns().keys()]
    own = _own_sources(block).values()
    is_spread = any(isinstance(source, exp.Table) and source.name in _places() for source in own)
    if spread and own and not is_spread:
        yield "asks a spread table for each row of what is not spread"
    if any(node.find_ancestor(exp.Having) for node in spread):
        yield "asks a spread table within HAVING"


def _judge_writes(block: exp.Expression) -> Iterator[str]:
    target = block.find(exp.Table).name if isinstance(block, exp.Update | exp.Insert) else ""
    column = _columns().get(target)
    if column is None:
        return
    conflict = block.args.get("conflict")
    assignments = block.expressions if isinstance(block, exp.Update) else ()
    if any(node.this.name == column for node in assignments if isinstance(node, exp.EQ)):
        yield f"moves a row of {target} to another machine"
    if conflict is not None and conflict.find(exp.CurrentTimestamp, exp.Anonymous):
        yield "calls a function in DO UPDATE that may differ between machines"
    keys = conflict.args.get("conflict_keys") if conflict is not None else None
    if keys and column not in {key.name for key in keys}:
        yield f"looks for conflicts of {target} without {column}"


def _within(block: exp.Expression) -> Iterator[exp.Expression]:
    for node in block.find_all(exp.Select):
        if node is not block:
            yield node


def _correlated(block: exp.Expression) -> Iterator[exp.Expression]:
    """The subqueries that a query asks for each of its rows."""
    for node in _within(block):
        if _is_correlated(node) and _parent_query(node) is block:
            yield node
            yield from _correlated(node)


@_once
def _tables_of(block: exp.Expression) -> list[str]:
    """The tables that a query reads in one go: its own, and those of correlated subqueries."""
    sources = [
        source for query in (block, *_correlated(block)) for source in _own_sources(query).values()
    ]
    return [source.name for source in sources if isinstance(source, exp.Table)]


@_once
def _own_sources(block: exp.Expression) -> Sources:
    """What stands in FROM, JOIN and USING of a query, by the name under which it is used."""
    found: Sources = {}
    cte_names = _cte_names(block.root())
    for node in block.find_all(exp.Table, exp.Subquery, exp.Unnest, exp.Lateral, exp.Values):
        is_source = isinstance(
            node.parent, exp.From | exp.Join | exp.Update | exp.Delete | exp.Lateral
        )
        is_using = node.arg_key == "using"
        if (is_source or is_using) and _parent_query(node) is block:
            is_cte = isinstance(node, exp.Table) and node.name in cte_names
            found[node.alias_or_name] = exp.Subquery(alias=node.name) if is_cte else node
    return found


@_once
def _cte_names(tree: exp.Expression) -> set[str]:
    return {cte.alias for cte in tree.find_all(exp.CTE)}


def _parent_query(node: exp.Expression) -> exp.Expression | None:
    return node.find_ancestor(exp.Select, exp.Update, exp.Delete, exp.Insert)


@_once
def _is_correlated(select: exp.Expression) -> bool:
    """Whether a subquery names a table of the query around it."""
    if _parent_query(select) is None or isinstance(select.parent, exp.CTE | exp.Insert):
        return False
    inside = set(_own_sources(select))
    for node in _within(select):
        inside |= set(_own_sources(node))
    named = {column.table for column in select.find_all(exp.Column) if column.table}
    return bool(named - inside)
