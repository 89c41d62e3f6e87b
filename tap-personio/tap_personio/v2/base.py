"""What the streams of API v2 share: list endpoints, lists below parent records, and how nested fields become columns.

Pages: developer.personio.de/reference (v2.0). Where it leaves a shape open, a column takes any shape, and fields that
are not listed are kept in `other_fields`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from tap_personio.columns import (
    LOCAL,
    MOMENT,
    OBJECT,
    TEXT,
    Column,
    Kind,
)
from tap_personio.connection import Request
from tap_personio.paging import Ids, Page, read_children, read_cursor
from tap_personio.stream import PersonioStream, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_personio.client import Caller


class _Id(msgspec.Struct):
    id: str | int


IDS = Ids(_Id, "id")


def reference(name: str, kind: Kind = TEXT) -> tuple[Column, ...]:
    """A nested reference `{"id": …}` and its id as a column to join by."""
    return Column(name, OBJECT), Column(f"{name}_id", kind, (name, "id"))


def local_time(name: str) -> tuple[Column, ...]:
    """A nested local time `{"date_time": …}` and its text, which is wall-clock time without a zone."""
    return Column(name, OBJECT), Column(f"{name}_date_time", LOCAL, (name, "date_time"))


APPROVAL = (Column("approval", OBJECT), Column("approval_status", TEXT, ("approval", "status")))
CREATED_AND_UPDATED = (Column("created_at", MOMENT), Column("updated_at", MOMENT))


class V2Stream(PersonioStream):
    """A table of API v2.

    Attributes:
        path: below /v2.
        beta: whether the endpoint wants the header `Beta: true`.
        limit: records a page, the endpoint's maximum.
    """

    path: ClassVar[str]
    beta: ClassVar[bool] = False
    limit: ClassVar[int] = 100
    primary_keys: ClassVar[tuple[str, ...]] = ("id",)

    def request(self, *params: tuple[str, str], path: str = "") -> Request:
        """A request to this stream's endpoint, or to one below a parent when `path` names it."""
        template = self.path if path else ""
        return Request(
            "v2", path or self.path, params, template, beta=self.beta, right=self.right, is_child=bool(path)
        )

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:  # noqa: ARG002
        """The record without its links."""
        fields: dict[str, Any] = record
        fields.pop("_meta", None)
        return fields


class V2List(V2Stream):
    """A table that one list endpoint holds.

    Attributes:
        updated: the filter by change, with the form that its moment has; empty where there is none.
    """

    updated: ClassVar[tuple[str, str] | None] = None

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:
        """All pages, or those with changes."""
        params = self.window()
        if plan.since is not None and self.updated:
            name, form = self.updated
            params += ((name, plan.since.strftime(form)),)
        return read_cursor(self.client, self.request(*params), self.limit, caller, IDS)

    def window(self) -> tuple[tuple[str, str], ...]:
        """Parameters that every read carries."""
        return ()


class V2Children(V2Stream):
    """A table that has to be asked for once per parent record.

    Attributes:
        parent: the stream of the parents.
    """

    parent: ClassVar[str]

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:
        """The pages of all parents, several parents in flight; a parent that is gone has no records."""
        wanted = ((parent, self.of(parent, plan)) for parent in self.parents(plan))
        return read_children(self.client, wanted, self.limit, caller)

    def parents(self, plan: Plan) -> Iterable[Any]:  # noqa: ARG002
        """Identifiers of the parents to ask about; all of them unless an endpoint tells which changed."""
        return self._tap.roster(self.parent).ids()

    def changed_parents(self, plan: Plan) -> Iterable[Any]:
        """Identifiers of the parents that changed, where a change of a child changes its parent."""
        if plan.whole:
            return self._tap.roster(self.parent).ids()
        return self._tap.stream(self.parent).list_ids(plan.since)

    def of(self, parent: Any, plan: Plan) -> Request:  # noqa: ARG002
        """The request for one parent's records."""
        return self.request(path=self.path.replace("{id}", str(parent)))
