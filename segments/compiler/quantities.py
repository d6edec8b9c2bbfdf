"""What leaves beside those of aggregates count or measure, as evidence of their answer."""

from collections.abc import Sequence

from segments.compiler.accounts import count_accounts
from segments.compiler.context import Context
from segments.compiler.fragments import Fragment
from segments.compiler.kept import listed_at
from segments.compiler.parties import last_stated
from segments.compiler.places import bucket_place, count_identifiers, distance_km, entered_at
from segments.compiler.regular import count_units
from segments.compiler.sequences import count_steps
from segments.compiler.sessions import session_quantity
from segments.compiler.sources import last_sent
from segments.language import nodes
from segments.language.nodes import Node


def leaf_quantity(node: Node, context: Context, ids: Sequence[int]) -> Fragment | None:
    """Return what a leaf counts or measures for `p`, the only one with the ids; None for others."""
    match node:
        case nodes.RegularLeaf():
            return count_units(node, context, ids)
        case nodes.SequenceLeaf():
            return count_steps(node, context, ids)
        case nodes.SessionLeaf():
            return session_quantity(node, context, ids)
        case nodes.IdentifierLeaf():
            return count_identifiers(node, ids)
        case nodes.SourceLeaf():
            return last_sent(node, context, ids)
        case nodes.StatedLeaf():
            return last_stated(node, context, ids)
        case nodes.ListLeaf():
            return listed_at(node, ids)
        case nodes.AccountLeaf():
            return count_accounts(node, context, ids)
        case nodes.BucketLeaf():
            return bucket_place(node)
        case nodes.GeoLeaf():
            return distance_km(node)
        case nodes.SegmentLeaf(_, duration) if duration is not None:
            return entered_at(node, context)
        case _:
            return None
