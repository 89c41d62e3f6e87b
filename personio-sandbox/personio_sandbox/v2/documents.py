"""Documents: their metadata and a stand-in for the file."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from ..api import Answer, Call
from .errors import bad_request, not_found
from .lists import ENDPOINTS, Filters, iso, listing, ref, utc

if TYPE_CHECKING:
    from ..model import Document


@ENDPOINTS.serve("/document-management/documents", "documents")
def documents(call: Call) -> Answer:
    """GET /document-management/documents: of one owner, required for the first page."""
    filters, zone = Filters(call), dt.UTC
    filters.check(("owner_id", "category_id", "created_at.gte", "created_at.lt"))
    owners, categories = filters.numbers("owner_id"), filters.numbers("category_id")
    since, before = filters.day("created_at.gte"), filters.day("created_at.lt")
    if len(owners) != 1:
        raise bad_request(call, "owner_id is required.")

    def by_owner() -> dict[int, list[Document]]:
        grouped: dict[int, list[Document]] = {}
        for row in call.company.documents.values():
            grouped.setdefault(row.owner_id, []).append(row)
        return grouped

    mine = call.api.cached("documents by owner", by_owner).get(next(iter(owners)), [])
    rows = [
        row for row in mine
        if (not categories or row.category_id in categories)
        and (since is None or row.created_at.astimezone(zone).date() >= since)
        and (before is None or row.created_at.astimezone(zone).date() < before)
    ]  # fmt: skip
    return listing(
        call, filters, lambda: rows, lambda row: (int(row.id),), document_json, default=100, maximum=200
    )


def document_json(row: Document) -> dict[str, Any]:
    """A document's metadata."""
    return {
        "id": row.id,
        "name": row.name,
        "date": iso(row.date),
        "comment": row.comment,
        "category": ref(row.category_id),
        "owner": {"id": str(row.owner_id)},
        "document_type": row.document_type,
        "size": row.size,
        "created_at": utc(row.created_at),
        "virus_scan": {"status": "CLEAN"},
        "esignature": {"status": "NOT_REQUESTED"},
    }


@ENDPOINTS.serve("/document-management/documents/{document_id}/download", "documents")
def download(call: Call) -> Answer:
    """GET /document-management/documents/{id}/download: some bytes, fewer than ``size``."""
    row = call.company.documents.get(call.params["document_id"])
    if row is None:
        raise not_found(call)
    return Answer(f"%PDF-1.4\n% document {row.id} of the sandbox\n%%EOF\n".encode(), type="application/pdf")
