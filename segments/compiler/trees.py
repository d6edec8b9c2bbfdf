"""Groups: the same for people and for events, whatever their leaves compile to."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from segments.compiler.fragments import Fragment, all_of, any_of, fill, joined, negated
from segments.language.nodes import And, AtLeast, Not, Or, Tree

Leaf = TypeVar("Leaf")


def compile_tree(tree: Tree[Leaf], compile_leaf: Callable[[Any], Fragment]) -> Fragment:
    """Every node TRUE or FALSE, so that NOT is everybody else."""
    match tree:
        case And(children):
            return all_of([compile_tree(child, compile_leaf) for child in children])
        case Or(children):
            return any_of([compile_tree(child, compile_leaf) for child in children])
        case Not(child):
            return negated(compile_tree(child, compile_leaf))
        case AtLeast(count, children):
            held = [
                fill("({child})::int", child=compile_tree(child, compile_leaf))
                for child in children
            ]
            return fill("({sum} >= {count}::int)", sum=joined(" + ", held), count=count)
        case _:
            return compile_leaf(tree)


def leaves(tree: Tree[Leaf]) -> Iterator[Leaf]:
    """Each leaf, as often as it stands there."""
    match tree:
        case And(children) | Or(children) | AtLeast(_, children):
            for child in children:
                yield from leaves(child)
        case Not(child):
            yield from leaves(child)
        case _:
            yield tree
