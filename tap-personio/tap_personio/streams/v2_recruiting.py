"""Recruiting: vacancies, candidates, applications and their stages."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tap_personio.columns import ANY, BOOLEAN, DATE, INTEGER, LIST, OBJECT, TEXT, TIMESTAMP, Column
from tap_personio.pages import Page
from tap_personio.streams.base import CREATED_AND_UPDATED, IDS, WITH_ZONE, V2Children, V2List, reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_personio.progress import StreamStats
    from tap_personio.sync_plan import SyncPlan


class RecruitingList(V2List):
    """A list of recruiting; all of them are in beta."""

    beta = True
    permission = "Recruiting: read"
    limit = 200
    request_cost = "1 per 200"


class RecruitingApplications(RecruitingList):
    """Applications, with the stage they have reached."""

    name = "recruiting_applications"
    path = "/recruiting/applications"
    replication_key = "updated_at"
    incremental_filter = ("updated_at.gt", WITH_ZONE)
    parent_ids = IDS
    columns = (
        Column("id", TEXT),
        Column("application_date", DATE),
        *reference("candidate"),
        *reference("job"),
        Column("job_name", TEXT, ("job", "name")),
        Column("current_stage", OBJECT),
        Column("current_stage_id", TEXT, ("current_stage", "id")),
        Column("current_stage_name", TEXT, ("current_stage", "name")),
        *reference("channel"),
        Column("channel_name", TEXT, ("channel", "name")),
        Column("hiring_team", LIST),
        Column("is_anonymized", BOOLEAN),
        *CREATED_AND_UPDATED,
    )


class RecruitingCandidates(RecruitingList):
    """People who applied."""

    name = "recruiting_candidates"
    path = "/recruiting/candidates"
    replication_key = "updated_at"
    incremental_filter = ("updated_at.gt", WITH_ZONE)
    columns = (
        Column("id", TEXT),
        Column("first_name", TEXT),
        Column("last_name", TEXT),
        Column("email", TEXT),
        Column("gender", TEXT),
        Column("phone", TEXT),
        Column("location", ANY),
        Column("birthday", DATE),
        Column("linkedin_profile", TEXT),
        Column("available_from", ANY),
        Column("applications", LIST),
        *CREATED_AND_UPDATED,
    )


class RecruitingJobs(RecruitingList):
    """Vacancies. No incremental filter is known for them."""

    name = "recruiting_jobs"
    path = "/recruiting/jobs"
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        *reference("department"),
        Column("department_name", TEXT, ("department", "name")),
        *reference("category"),
        Column("category_name", TEXT, ("category", "name")),
        *reference("company"),
        Column("hiring_team", LIST),
        *CREATED_AND_UPDATED,
    )


class RecruitingCategories(RecruitingList):
    """Categories of vacancies, each with its stages."""

    name = "recruiting_categories"
    path = "/recruiting/categories"
    columns = (Column("id", TEXT), Column("name", TEXT), Column("stages", LIST))


class RecruitingStageTransitions(V2Children):
    """When each application entered each stage."""

    name = "recruiting_stage_transitions"
    path = "/recruiting/applications/{id}/stage-transitions"
    permission = "Recruiting: read"
    request_cost = "1 per application that changed"
    selected_by_default = False
    beta = True
    limit = 200
    primary_keys = ("application_id", "number")
    replication_key = "entered_at"
    parent = "recruiting_applications"
    columns = (
        Column("application_id", TEXT),
        Column("number", INTEGER, description="From 0, the first stage."),
        Column("entered_at", TIMESTAMP),
        Column("stage", OBJECT),
        Column("stage_id", TEXT, ("stage", "id")),
        Column("stage_name", TEXT, ("stage", "name")),
        Column("stage_type", TEXT, ("stage", "type")),
        Column("stage_kind", TEXT, ("stage", "kind")),
    )

    def parents(self, plan: SyncPlan, *, fresh: bool = False) -> Iterable[Any]:
        """An application changes with its stage."""
        return self.changed_parents(plan, fresh=fresh)

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:
        """All transitions of an application on one page, because they are numbered."""
        for application, pages in groupby(super().pages(plan, stats), attrgetter("parent")):
            yield Page([each for page in pages for each in page.records], parent=application)

    def page_fields(self, page: Page) -> Iterable[Any]:
        """The latest comes first; numbers count from the first one, so that they stay."""
        for number, transition in enumerate(reversed(page.records)):
            yield {**self.fields(transition, None), "application_id": page.parent, "number": number}
