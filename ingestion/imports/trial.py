"""What an import would do, found out without writing anything.

Invariant: rows are judged by the code that imports them: the parser, the rules of the drain, and
who was erased. What is only found when a row takes effect, such as a rule that refuses a merge, is
not foretold.
"""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from consent.services import suppressions_of
from ingestion.drain.configuration import load_configuration
from ingestion.drain.identifier_filter import (
    NO_IDENTIFIER,
    Dropped,
    IdentifierFilter,
    references_in,
)
from ingestion.file_rows import Refusal
from ingestion.forbidden_names import load_forbidden
from ingestion.imports.chunks import ChunkMaker, Request, RowChunk
from ingestion.imports.content import content_of
from ingestion.imports.job import row_context
from ingestion.imports.mapping import RowMapping, parse_mapping
from ingestion.imports.tables import Reading, open_table
from ingestion.imports.uploads import prepare_import
from ingestion.messages import Message, Rejection, RequestFacts, read_messages, split_request
from ingestion.messages.results import FORBIDDEN_NAME
from ingestion.models import FileImport
from profiles.identifiers.lookup import profiles_by_reference
from profiles.identifiers.references import reference_of
from profiles.lib import exact_json
from profiles.lib.database import database_now
from profiles.models import SeenMessage

KEPT_REFUSALS = 100


@dataclass(slots=True)
class TrialReport:
    """How rows would end, and whom they name.

    `known` and `new` count rows of people who are in the store and who are not; `merging` those
    that name more than one person of the store. `forbidden` counts the cells of rows that are taken
    which stand under a forbidden name, and are left out. `first_refused` are the first 100 refused
    rows.
    """

    rows: int = 0
    stored: int = 0
    unchanged: int = 0
    refused: int = 0
    dropped: int = 0
    known: int = 0
    new: int = 0
    merging: int = 0
    forbidden: int = 0
    is_whole: bool = True
    first_refused: list[Refusal] = field(default_factory=list)

    def refuse(self, refusal: Refusal) -> None:
        self.refused += 1
        self.first_refused.append(refusal)
        if len(self.first_refused) > KEPT_REFUSALS:
            # Those of a part that the rules refuse come before those that they do not reach.
            self.first_refused.sort(key=lambda each: each.number)
            self.first_refused.pop()


def try_import(
    file_import: FileImport,
    mapping: Mapping[str, Any],
    reading: Mapping[str, Any] | None = None,
    *,
    most_rows: int | None = None,
) -> TrialReport:
    """Return what an import would do; `most_rows` ends the trial after about so many.

    Raises MappingFaults, FileFault and WrongStatus.
    """
    prepared = prepare_import(file_import, mapping, reading)
    parsed = parse_mapping(mapping)
    report = TrialReport()
    trial = _Trial(prepared, parsed, report)
    maker = ChunkMaker(prepared.pk, row_context(prepared, parsed), mapping)
    with (
        closing(maker),
        content_of(prepared) as content,
        open_table(content, Reading.of(prepared.reading)) as table,
    ):
        for chunk in maker.chunks(table.rows, 0):
            if most_rows is not None and report.rows >= most_rows:
                report.is_whole = False
                break
            trial.judge(chunk)
    report.first_refused.sort(key=lambda each: each.number)
    return report


class _Trial:
    """Judges the chunks of one file."""

    def __init__(self, file_import: FileImport, mapping: RowMapping, report: TrialReport) -> None:
        self._import = file_import
        self._columns = {str(target): target.column for target in mapping.targets}
        self._report = report
        self._now = database_now()
        configuration = load_configuration()
        self._identifiers = IdentifierFilter(configuration)
        self._forbidden = load_forbidden().of(file_import.source_id)
        self._facts = RequestFacts(
            0,
            file_import.source_id,
            self._now,
            settings.DEFAULT_PHONE_REGION,
            is_file=True,
            forbidden=self._forbidden,
        )

    def judge(self, chunk: RowChunk) -> None:
        self._report.rows += chunk.rows
        for refusal in chunk.refusals:
            self._report.refuse(refusal)
        for request in chunk.requests:
            self._judge_request(request)

    def _judge_request(self, request: Request) -> None:
        taken: list[Message] = []
        for result in _parsed(request, self._facts):
            usable = result if isinstance(result, Rejection) else self._identifiers.usable(result)
            if isinstance(usable, Message) and usable.refs:
                taken.append(usable)
                self._report.forbidden += usable.left_out.count(FORBIDDEN_NAME)
            else:
                self._refuse(request, usable)
        seen = _seen(message.digest for message in taken)
        self._report.unchanged += len(seen)
        self._count(self._kept([message for message in taken if message.digest not in seen]))

    def _refuse(self, request: Request, result: Message | Rejection) -> None:
        number, cells = exact_json.loads(request.rows[result.place])
        if isinstance(result, Rejection):
            code, path, detail = result.code, result.path, result.detail
        else:
            code, path, detail = NO_IDENTIFIER[0], "", NO_IDENTIFIER[1]
        column = self._columns.get(path) or self._columns.get(f"identifiers.{path}", "")
        self._report.refuse(Refusal(self._import.pk, number, code, column, detail, cells))

    def _kept(self, messages: list[Message]) -> list[Message]:
        """Return the messages that are of nobody who was erased, and count the others."""
        self._identifiers.keep_out(suppressions_of(references_in(messages)))
        judged = [self._identifiers.without_suppressed(message) for message in messages]
        kept = [result for result in judged if not isinstance(result, Dropped) and result.refs]
        self._report.dropped += len(messages) - len(kept)
        return kept

    def _count(self, messages: list[Message]) -> None:
        references = {reference_of(ref) for message in messages for ref in message.refs}
        holders = profiles_by_reference(references)
        for message in messages:
            people = {holders.get(reference_of(ref)) for ref in message.refs} - {None}
            self._report.stored += 1
            self._report.known += bool(people)
            self._report.new += not people
            self._report.merging += len(people) > 1


def _parsed(request: Request, facts: RequestFacts) -> Iterable[Message | Rejection]:
    envelope = split_request(request.body(b"{}"), "")
    return read_messages(envelope, facts, settings.DEDUPLICATION_KEY.encode())


def _seen(digests: Iterable[str]) -> set[str]:
    """Return those of messages that took effect already."""
    rows = SeenMessage.objects.filter(digest__in=list(digests))
    return {digest.hex for digest in rows.values_list("digest", flat=True)}
