"""Putting definitions into words, for people who do not read JSON."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, assert_never

from segments.language import nodes
from segments.language.filters import EventFilter, filter_of
from segments.language.nodes import Duration, Node, Test, WhereLeaf, Window
from segments.language.phrases import PHRASES, Language

GROUPS = (nodes.And, nodes.Or, nodes.AtLeast)


def describe(node: Node, language: Language) -> str:
    """Return what a definition, or a part of one, says."""
    return _Words(PHRASES[language]).tree(node, _Words.leaf)


def describe_quantity(quantity: nodes.EventLeaf, language: Language) -> str:
    """Return what a leaf counts or measures, without its test."""
    return _Words(PHRASES[language]).quantity(quantity)


class _Words:
    """The words of one language."""

    def __init__(self, phrases: Mapping[str, str]) -> None:
        self.phrases = phrases

    def say(self, phrase: str, **parts: object) -> str:
        return self.phrases[phrase].format(**parts)

    def tree(self, tree: Any, leaf: "Callable[[_Words, Any], str]") -> str:
        match tree:
            case nodes.And(children):
                return self.group("and", children, leaf)
            case nodes.Or(children):
                return self.group("or", children, leaf)
            case nodes.AtLeast(count, children):
                return self.group("at_least", children, leaf, count)
            case nodes.Not(child):
                return self.say("not", part=f"({self.tree(child, leaf)})")
            case _:
                return leaf(self, tree)

    def group(
        self,
        kind: str,
        children: Sequence[Any],
        leaf: "Callable[[_Words, Any], str]",
        count: int = 0,
    ) -> str:
        parts = [self.tree(child, leaf) for child in children]
        if len(parts) > 1:
            # A group inside another one is told apart by brackets.
            parts = [
                f"({part})" if isinstance(child, GROUPS) else part
                for child, part in zip(children, parts, strict=True)
            ]
        return self.say(kind, parts=self.phrases[f"{kind}.join"].join(parts), count=count)

    def leaf(self, leaf: nodes.PersonLeaf) -> str:
        match leaf:
            case nodes.TraitLeaf(key, test, is_negated):
                return self.test(_key(key), test, is_negated)
            case nodes.EventLeaf(test=test, is_negated=is_negated):
                return self.test(self.quantity(leaf), test, is_negated)
            case nodes.SessionLeaf(test=test, is_negated=is_negated):
                return self.test(self.sessions(leaf), test, is_negated)
            case nodes.RankLeaf(quantity, top):
                return self.say("rank", top=top, quantity=self.quantity(quantity))
            case nodes.RfmLeaf(key, groups):
                names = self.phrases["or.join"].join(self.say(f"group.{group}") for group in groups)
                return self.say("rfm", key=key, groups=names)
            case nodes.LifeCycleLeaf(stages=stages):
                names = self.phrases["or.join"].join(self.say(f"stage.{stage}") for stage in stages)
                return self.say("life_cycle", events=self.events(filter_of(leaf)), stages=names)
            case nodes.RegularLeaf(at_least=at_least, of=of):
                unit = self.phrases[leaf.unit]
                events = self.events(filter_of(leaf))
                return self.say("regular", events=events, at_least=at_least, of=of, unit=unit)
            case nodes.SequenceLeaf():
                return self.sequence(leaf)
            case nodes.SegmentLeaf(key, None):
                return self.say("segment", key=key)
            case nodes.SegmentLeaf(key, nodes.Duration() as duration):
                return self.say("segment.entered", key=key, duration=self.duration(duration))
            case nodes.ConsentLeaf(purpose, is_permitted):
                return self.say("consent" if is_permitted else "consent.not", purpose=purpose)
            case nodes.IdentifierLeaf(namespace, test, is_negated):
                return self.test(self.say("identifier", namespace=namespace), test, is_negated)
            case nodes.SourceLeaf(key, None):
                return self.say("source", key=key)
            case nodes.SourceLeaf(key, nodes.Duration() as duration):
                return self.say("source.within", key=key, duration=self.duration(duration))
            case nodes.StatedLeaf(party, key, duration):
                kind, words = "stated", {"party": self.say(f"party.{party}")}
                if key is not None:
                    kind, words = "stated.key", words | {"key": key}
                if duration is not None:
                    kind, words = f"{kind}.within", words | {"duration": self.duration(duration)}
                return self.say(kind, **words)
            case nodes.ListLeaf(key):
                return self.say("list", key=key)
            case nodes.AccountLeaf(match, None):
                return self.say(f"account.{match}")
            case nodes.AccountLeaf(match, where):
                inside = self.tree(where, _Words.where_leaf)
                return self.say(f"account.{match}.where", where=inside)
            case nodes.OverrideLeaf(_, is_included):
                return self.say("included" if is_included else "excluded")
            case nodes.BucketLeaf(salt, low, high):
                return self.say("bucket", salt=salt, low=low, high=high)
            case nodes.GeoLeaf(key, km, lat, lon):
                return self.say("geo", key=_key(key), km=km, lat=lat, lon=lon)
            case nodes.EveryoneLeaf():
                return self.say("everyone")
            case _:
                raise ValueError(f"No words for {type(leaf).__name__}.")

    def quantity(self, leaf: nodes.EventLeaf) -> str:
        events = self.events(filter_of(leaf), leaf.window)
        return self.say(leaf.aggregate, events=events, property=_key(leaf.property or ()))

    def sessions(self, leaf: nodes.SessionLeaf) -> str:
        window = self.window(leaf.window)
        if leaf.where is None:
            sessions = self.say("sessions", window=window)
        else:
            where = self.tree(leaf.where, _Words.where_leaf)
            sessions = self.say("sessions.where", window=window, where=where)
        measure = self.say(f"session.{leaf.property}") if leaf.property else ""
        return self.say(leaf.aggregate, events=sessions, property=measure)

    def where_leaf(self, leaf: WhereLeaf) -> str:
        match leaf:
            case nodes.FieldLeaf(_, key, test, is_negated):
                return self.test(_key(key), test, is_negated)
            case nodes.AnyElement(key, where):
                inside = self.tree(where, _Words.where_leaf)
                return self.say("any", key=_key(key), where=inside)
            case nodes.TimeLeaf(part, test, is_negated, is_visitors):
                name = "month_of_year" if part is nodes.TimePart.MONTH else part
                subject = (
                    self.say("visitors", part=self.say(name)) if is_visitors else self.say(name)
                )
                return self.test(subject, test, is_negated)
            case nodes.AccountKeyLeaf(test, is_negated):
                return self.test(self.say("account.key"), test, is_negated)
            case _:
                assert_never(leaf)

    def events(self, events: EventFilter, window: Window | None = None) -> str:
        name, kind, where, _ = events
        phrase = self.say("event.any") if name == "*" else self.say("event", name=name)
        if kind in (nodes.Kind.PAGE, nodes.Kind.SCREEN):
            phrase = self.say("event.kind", kind=kind, name=phrase)
        if window is not None:
            phrase += self.say("event.window", window=self.window(window))
        if where is not None:
            phrase += self.say("event.where", where=self.tree(where, _Words.where_leaf))
        return phrase

    def window(self, window: Window) -> str:
        match window:
            case nodes.Last(duration):
                return self.say("window.last", duration=self.duration(duration))
            case nodes.BetweenAgo(older, newer):
                ends = {"older": self.duration(older), "newer": self.duration(newer)}
                return self.say("window.between_ago", **ends)
            case nodes.This(unit):
                return self.say("window.this", unit=self.phrases[unit])
            case nodes.Previous(unit):
                return self.say("window.previous", unit=self.phrases[unit])
            case nodes.Range(nodes.IsoText(start), nodes.IsoText(end)):
                return self.say("window.range", start=start, end=end)
            case nodes.Range(nodes.IsoText(start), _):
                return self.say("window.from", start=start)
            case nodes.Range(_, nodes.IsoText(end)):
                return self.say("window.to", end=end)
            case _:
                raise ValueError("A range has an end.")

    def sequence(self, leaf: nodes.SequenceLeaf) -> str:
        first, *later = leaf.steps
        steps = [self.events(filter_of(first), leaf.window)]
        steps += [self.step("sequence.step", step) for step in later]
        if leaf.absent is not None:
            steps.append(self.step("sequence.absent", leaf.absent))
        return self.say("sequence", steps=self.phrases["sequence.join"].join(steps))

    def step(self, phrase: str, step: nodes.Step) -> str:
        key = ".".join(part for part in step.same.of_first if part) if step.same else ""
        return self.say(
            phrase,
            events=self.events(filter_of(step)),
            same=self.say("sequence.same", key=key) if step.same else "",
            within=self.duration(step.within) if step.within else "",
        )

    def test(self, subject: str, test: Test, is_negated: bool) -> str:
        phrase = self.positive(subject, test)
        folding = getattr(test, "folding", nodes.EXACT)
        if folding.ignore_case or getattr(test, "ignore_case", False):
            phrase += self.say("ignore_case")
        if folding.ignore_accents:
            phrase += self.say("ignore_accents")
        return self.say("not", part=f"({phrase})") if is_negated else phrase

    def positive(self, subject: str, test: Test) -> str:
        match test:
            case nodes.Exists():
                return self.say("exists", subject=subject)
            case nodes.Equals(value):
                return self.say("equals", subject=subject, value=self.value(value))
            case nodes.OneOf(values):
                return self.say("in", subject=subject, value=self.value(values))
            case nodes.Includes(quantifier, values):
                value = self.value(values)
                return self.say(f"includes_{quantifier}", subject=subject, value=value)
            case nodes.Matches(pattern):
                return self.say("matches", subject=subject, value=self.value(pattern))
            case nodes.TextTest(operator, operand):
                return self.say(operator, subject=subject, value=self.value(operand))
            case nodes.Compare(operator, number):
                return self.say(operator, subject=subject, value=self.value(number))
            case nodes.Length(operator, count):
                return self.say(operator, subject=subject, value=count)
            case nodes.Between(low, high):
                return self.say("between", subject=subject, low=low, high=high)
            case _:
                return self.date(subject, test)

    def date(self, subject: str, test: nodes.DateTest) -> str:
        match test:
            case nodes.Before(value):
                return self.say("before", subject=subject, value=self.value(value))
            case nodes.After(value):
                return self.say("after", subject=subject, value=self.value(value))
            case nodes.On(value):
                return self.say("on", subject=subject, value=self.value(value))
            case nodes.DateBetween(low, high):
                return self.say("between", subject=subject, low=low.text, high=high.text)
            case nodes.InLast(duration):
                return self.say("in_last", subject=subject, value=self.duration(duration))
            case nodes.InNext(duration):
                return self.say("in_next", subject=subject, value=self.duration(duration))
            case nodes.MoreThanAgo(duration):
                return self.say("more_than_ago", subject=subject, value=self.duration(duration))
            case nodes.AnniversaryInNext(duration):
                ahead = self.duration(duration)
                return self.say("anniversary_in_next", subject=subject, value=ahead)
            case nodes.This(unit):
                return self.say("this", subject=subject, value=self.phrases[unit])
            case nodes.Previous(unit):
                return self.say("previous", subject=subject, value=self.phrases[unit])
            case nodes.AgeBetween(low, None):
                return self.say("age_gte", subject=subject, low=low)
            case nodes.AgeBetween(low, high):
                return self.say("age_between", subject=subject, low=low, high=high)
            case _:
                assert_never(test)

    def value(self, value: object) -> str:
        match value:
            case nodes.OtherTrait(key):
                return self.say("other", key=_key(key))
            case nodes.IsoText(text):
                return text
            case bool():
                return self.say("true" if value else "false")
            case str():
                return f'"{value}"'
            case tuple():
                return ", ".join(self.value(item) for item in value)
            case _:
                return str(value)

    def duration(self, duration: Duration) -> str:
        one, several = self.phrases[duration.unit].split("|")
        return f"{duration.count} {one if duration.count == 1 else several}"


def _key(path: nodes.Path) -> str:
    return ".".join(path)
