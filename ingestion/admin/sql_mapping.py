"""The mapping of a SQL source on its page: the columns of the query, as those of an imported file.

Invariant: what the page shows of rows is read anew, and kept nowhere. What was typed stays.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count, takewhile
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from ingestion import services
from ingestion.admin.mapping_forms import (
    ColumnField,
    MeaningForm,
    column_fields,
    mapping_of,
    meaning_of,
    suggested_targets,
)
from ingestion.admin.sql_forms import SqlSourceForm, pretty
from ingestion.imports.inspect import Column
from ingestion.models import SqlSource
from ingestion.services import MappingFaults, SqlFault, SqlSourceDraft, WrongSqlSource
from profiles.admin.kit.masks import Mask, mask_for
from profiles.lib.database import database_now

Content = Mapping[str, Any]
EMPTY: Content = {"columns": {}}


class MappingScreen:
    """What the columns mean: as it was posted, else as it is stored, else as it is proposed."""

    def __init__(self, data: Any, stored: Content | None, mask: Mask) -> None:
        self._data, self._stored, self._mask = data, stored, mask
        names = _posted_names(data) if data else list((stored or EMPTY)["columns"])
        # What their cells look like is not known before the query is asked.
        self._columns: Sequence[Column] = [Column(name, "", (), 0.0, ()) for name in names]
        self._proposed: Content | None = None
        initial = meaning_of(stored) if stored else None
        self.meaning = MeaningForm(data if names and data else None, initial=initial)
        self.faults: Sequence[Any] = ()
        self.preview: services.SqlPreview | None = None

    def is_valid(self) -> bool:
        """Whether there is nothing wrong with its fields; columns may be missing still."""
        return not self.meaning.is_bound or self.meaning.is_valid()

    @property
    def is_proposed(self) -> bool:
        return self._proposed is not None

    @property
    def mapping(self) -> Content | None:
        """The mapping that was posted, None where no columns are known."""
        if not self._data or not self._columns or not self.meaning.is_valid():
            return None
        fields = self.meaning.cleaned_data
        mapping = mapping_of(fields, self._data.dict(), _posted_names(self._data))
        evidence = (self._stored or {}).get("evidence", {})
        if more := {name: evidence[name] for name in evidence if name != "text"}:
            # The page has no fields for it.
            mapping["evidence"] = {**more, **mapping.get("evidence", {})}
        return mapping

    def connect(self, draft: SqlSourceDraft) -> None:
        """Read the columns of the query; show what its rows become, or propose a mapping.

        Raises WrongSqlSource and SqlFault.
        """
        mapping = self.mapping
        self._columns, proposed = services.read_sql_columns(draft)
        names = {column.name for column in self._columns}
        if mapping is None:
            mapping = self._proposed = proposed
            self.meaning = MeaningForm(initial=meaning_of(proposed))
        # What stood for a column that the query has no more is gone from the page, too.
        targets = {name: to for name, to in mapping["columns"].items() if name in names}
        self.show(replace(draft, mapping={**mapping, "columns": targets}))

    def show(self, draft: SqlSourceDraft, *, is_counted: bool = True) -> None:
        """Show what the first rows become. Raises WrongSqlSource and SqlFault."""
        try:
            now = database_now()
            self.preview = services.preview_sql_source(draft, now=now, is_counted=is_counted)
        except MappingFaults as refused:
            self.faults = refused.faults

    def columns(self) -> list[ColumnField]:
        """Return the columns as the page has them."""
        mapping = self._proposed or self._typed() or self._stored or EMPTY
        return column_fields(self._columns, mapping, self._mask, _("as the database has it"))

    def rows(self) -> list[tuple[services.PreviewRow, str]]:
        """Return the rows of the preview, each with the text of its message."""
        rows = self.preview.rows if self.preview else ()
        return [(row, pretty(row.message) if row.message is not None else "") for row in rows]

    def _typed(self) -> Content | None:
        """Return the targets as they were typed, whatever is wrong with the rest."""
        if not self._data or not (names := _posted_names(self._data)):
            return None
        typed = {
            kind: {name: self._data.get(f"{kind}-{n}", "") for n, name in enumerate(names)}
            for kind in ("target", "format")
        }
        return {"columns": typed["target"], "formats": typed["format"]}


class SqlSourcePage:
    """The page of a SQL source: its form and its mapping, tried and kept together."""

    def __init__(self, request: HttpRequest, sql_source: SqlSource | None = None) -> None:
        data: Any = request.POST if request.method == "POST" else None
        self._is_saved = "save" in request.POST
        self._sql_source = sql_source
        self._form = SqlSourceForm(data, sql_source=sql_source)
        stored = sql_source.mapping if sql_source else None
        self._screen = MappingScreen(data, stored, mask_for(request))

    def kept(self, save: Callable[[dict[str, Any]], SqlSource]) -> SqlSource | None:
        """Save what was posted and return it; or try it, and show what is wrong."""
        kept: list[SqlSource] = []

        def act() -> None:
            mapping = self._screen.mapping
            if self._is_saved and mapping is not None:
                kept.append(save({**self._form.fields_of_service(), "mapping": mapping}))
            else:
                self._screen.connect(self._draft(EMPTY))

        self._judged(act)
        return kept[0] if kept else None

    def show(self) -> None:
        """Show what the first rows become, without what counts all of them."""

        def act() -> None:
            if (mapping := self._screen.mapping) is not None:
                self._screen.show(self._draft(mapping), is_counted=False)

        self._judged(act)

    def context(self) -> dict[str, Any]:
        """Return what the templates show."""
        source = self._form.cleaned_data.get("source") if self._form.is_bound else None
        purposes = sorted(services.known_purposes(source.pk)) if source else []
        screen = self._screen
        return {
            "form": self._form,
            "meaning": screen.meaning,
            "columns": screen.columns(),
            "targets": suggested_targets(purposes),
            "is_proposed": screen.is_proposed,
            "faults": screen.faults,
            "preview": screen.preview,
            "rows": screen.rows(),
        }

    def _judged(self, act: Callable[[], None]) -> None:
        # Both, so that all faults are shown at once.
        if not all([self._form.is_valid(), self._screen.is_valid()]):
            return
        try:
            act()
        except MappingFaults as refused:
            self._screen.faults = refused.faults
        except WrongSqlSource as error:
            self._form.show_fault(error)
        except SqlFault as fault:
            why = _("The database did not answer the query: %(why)s.") % {"why": fault.word}
            self._form.add_error(None, why)

    def _draft(self, mapping: Content) -> SqlSourceDraft:
        is_kept = self._sql_source is not None and not self._form.cleaned_data["url"]
        former = services.draft_of(self._sql_source) if self._sql_source and is_kept else None
        return self._form.draft(former, mapping)


def _posted_names(data: Any) -> list[str]:
    """Return the names of the columns that the page had."""
    fields = (f"column-{number}" for number in count())
    return [data[field] for field in takewhile(lambda field: field in data, fields)]
