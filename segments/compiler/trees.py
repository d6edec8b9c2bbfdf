"""Compiling groups, which are the same for profiles and for events, whatever their leaves are."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from segments.compiler.fragments import Fragment, all_of, any_of, fill, join_fragments, negate
from segments.language.nodes import And, AtLeast, Not, Or, Tree

Leaf = TypeVar("Leaf")


def compile_tree(tree: Tree[Leaf], compile_leaf: Callable[[Any], Fragment]) -> Fragment:
    """Return the condition of a tree.

    Leaves must compile to TRUE or FALSE, never NULL. Otherwise NOT would not be everybody else.
    """
    match tree:
        case And(children):
            return all_of([compile_tree(child, compile_leaf) for child in children])
        case Or(children):
            return any_of([compile_tree(child, compile_leaf) for child in children])
        case Not(child):
            return negate(compile_tree(child, compile_leaf))
        case AtLeast(count, children):
            numbers = [
                fill("({child})::int", child=compile_tree(child, compile_leaf))
                for child in children
            ]
            return fill("({sum} >= {count}::int)", sum=join_fragments(" + ", numbers), count=count)
        case _:
            return compile_leaf(tree)


def leaves(tree: Tree[Leaf]) -> Iterator[Leaf]:
    """Yield each leaf of a tree, repeated ones too."""
    match tree:
        case And(children) | Or(children) | AtLeast(_, children):
            for child in children:
                yield from leaves(child)
        case Not(child):
            yield from leaves(child)
        case _:
            yield tree


def map_leaves(tree: Tree[Leaf], change: Callable[[Any], Any]) -> Tree[Leaf]:
    """Return the tree with each leaf changed, in their order."""
    match tree:
        case And(children):
            return And(tuple(map_leaves(child, change) for child in children))
        case Or(children):
            return Or(tuple(map_leaves(child, change) for child in children))
        case Not(child):
            return Not(map_leaves(child, change))
        case AtLeast(count, children):
            return AtLeast(count, tuple(map_leaves(child, change) for child in children))
        case _:
            changed: Tree[Leaf] = change(tree)
            return changed
