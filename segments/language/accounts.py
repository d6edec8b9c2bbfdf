"""Reading the leaf about the accounts of a person, and the tree over each of them."""

from segments.language import nodes
from segments.language.nodes import PersonLeaf, WhereLeaf
from segments.language.operands import join_path, read_choice, read_fields, read_key
from segments.language.operators import TEST_FIELDS, ValueKind, read_test
from segments.language.trees import Readers, TreeReader


def _read_trait(reader: TreeReader, value: object, path: str, depth: int) -> WhereLeaf:
    fields = read_fields(value, path, ("type", "key", "operator"), TEST_FIELDS)
    key = read_key(fields["key"], join_path(path, "key"))
    return nodes.FieldLeaf(nodes.Root.ACCOUNT, key, *read_test(fields, path, ValueKind.TRAIT))


def _read_key(reader: TreeReader, value: object, path: str, depth: int) -> WhereLeaf:
    fields = read_fields(value, path, ("type", "operator"), TEST_FIELDS)
    return nodes.AccountKeyLeaf(*read_test(fields, path, ValueKind.TEXT))


def _read_account(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "match"), ("where",))
    match = read_choice(fields["match"], join_path(path, "match"), tuple(nodes.Match))
    if "where" not in fields:
        return nodes.AccountLeaf(nodes.Match(match))
    where_path = join_path(path, "where")
    where = reader.read_inside(fields["where"], where_path, depth, ONE_ACCOUNT_READERS)
    return nodes.AccountLeaf(nodes.Match(match), where)


# Of the tree over one account. `key` is what its `groupId` is.
ONE_ACCOUNT_READERS: Readers[WhereLeaf] = {"trait": _read_trait, "key": _read_key}
ACCOUNT_READERS: Readers[PersonLeaf] = {"account": _read_account}
