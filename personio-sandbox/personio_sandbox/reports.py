"""Generate the custom reports: one of each type, with values of every kind."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from .model import REPORT, Employee, Report, ReportCell, ReportItem, uuid

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from .views import Views

Row = tuple[tuple[str, str | None, Any], ...]


def generate_reports(company: Views, rng: random.Random) -> None:
    """Fill the table of reports."""
    people = list(company.employees.values())
    some = people[: min(len(people), 120)]
    reports: tuple[tuple[str, str, str, list[ReportItem], str], ...] = (
        ("Headcount", "point_in_time", "up_to_date", [_headcount(company, e) for e in people], "yes"),
        (
            'Career "steps" & salaries',
            "historical_data",
            "up_to_date",
            list(_history(company, some, rng)),
            "yes",
        ),
        ("Abwesenheiten & Überstunden", "timeframe", "up_to_date", [_timeframe(e, rng) for e in some], "yes"),
        ("Still being computed", "timeframe", "updating", [_timeframe(e, rng) for e in some[:3]], "grouped"),
        ("Nobody matches", "point_in_time", "up_to_date", [], "broken"),
        *(
            (f"Report {n}", "point_in_time", "up_to_date", [_headcount(company, e) for e in some[:3]], "yes")
            for n in range(6, company.options.reports + 1)
        ),
    )[: company.options.reports]
    now = company.now()
    for n, (name, type_, status, items, readable) in enumerate(reports):
        created = company.founded + dt.timedelta(days=1000 + min(90 * n, 400 + n))
        shown = people if n == 0 else some if n < 5 else some[:3]
        columns, rows = _cells(company, shown) if readable == "yes" else ((), ())
        report = Report(
            id=uuid(REPORT, n + 1), name=name, description="" if n % 2 else f"Report about {name}",
            author_first_name="Ida", author_last_name="Morkamp", type=type_, status=status,  # type: ignore[arg-type]
            start_date=company.today() - dt.timedelta(days=365), end_date=company.today(),
            filters=({"column": "office_id", "comparison": "eq", "value": "60301"},) if n == 0 else (),
            items=tuple(items), columns=columns, rows=rows, readable=readable,  # type: ignore[arg-type]
            created_at=created, updated_at=now - dt.timedelta(days=30 + n),
            data_refreshed_at=now - dt.timedelta(hours=n + 1),
        )  # fmt: skip
        company.reports[report.id] = report


def _text(attribute_id: str, value: str, effective: dt.date | None = None) -> ReportCell:
    return ReportCell(
        attribute_id=attribute_id, data_type="TEXT", fields={"value": value}, effective_date=effective
    )


def _entity(attribute_id: str, key: int, value: str, effective: dt.date | None = None) -> ReportCell:
    fields = {"entity_id": str(key), "value": value}
    return ReportCell(attribute_id=attribute_id, data_type="ENTITY", fields=fields, effective_date=effective)


def _salary(employee: Employee, amount: str, effective: dt.date | None = None) -> ReportCell:
    fields = {"amount": amount, "currency_symbol": "£" if employee.currency == "GBP" else "€"}
    return ReportCell(attribute_id="salary_1", data_type="SALARY", fields=fields, effective_date=effective)


def _headcount(company: Views, employee: Employee) -> ReportItem:
    a = employee.attributes
    cells = [_text("first_name", a["first_name"]), _text("position", a["position"])]
    if a["department"] is not None:
        cells.append(_entity("department", a["department"], company.org_units[a["department"]].name))
    centers = [
        {"cost_center_id": str(n), "value": company.cost_centers[n].name, "weight": f"{p}%"}
        for n, p in a["cost_centers"]
    ]
    cells.append(
        ReportCell(attribute_id="cost_center", data_type="COST_CENTER", fields={"cost_centers": centers})
    )
    cells.append(_salary(employee, f"{a['fix_salary']:.2f}"))
    return ReportItem(employee_id=employee.id, cells=tuple(cells))


def _history(company: Views, people: Iterable[Employee], rng: random.Random) -> Iterable[ReportItem]:
    """Several rows per employee, several dates in one row, and every fifth employee's rows twice."""
    for number, employee in enumerate(people):
        hired = employee.attributes["hire_date"]
        for step in range(rng.randrange(1, 4)):
            day = hired + dt.timedelta(days=200 * step)
            cells = [
                _text("position", f"Level {step}", day),
                _text("position", f"Level {step} (senior)", day + dt.timedelta(days=90)),
                _entity("department", 401 + step, company.org_units[401 + step].name, day),
                _salary(employee, str(3000 + 100 * step), day),
                ReportCell(attribute_id="attendance_contractual_target_hours", data_type="DURATION",
                           fields={"duration": 2400 - 60 * step}, effective_date=day),
            ]  # fmt: skip
            item = ReportItem(employee_id=employee.id, cells=tuple(cells))
            yield item
            if number % 5 == 0:
                yield item


def _timeframe(employee: Employee, rng: random.Random) -> ReportItem:
    start = employee.attributes["hire_date"] + dt.timedelta(days=rng.randrange(100))

    def cell(attribute_id: str, data_type: str, **fields: Any) -> ReportCell:
        return ReportCell(attribute_id=attribute_id, data_type=data_type, fields=fields)

    def period(n: int) -> dict[str, Any]:
        return {
            "start_date": (start + dt.timedelta(days=30 * n)).isoformat(),
            "end_date": (start + dt.timedelta(days=30 * n + 2)).isoformat(),
        }

    targets = [{"performance_target_id": "1", "performance_target_value": "20"}]
    kpis = [{"performance_target_id": "id_1", "performance_kpis": [
        {"performance_kpi_id": "kpi_1", "performance_kpi_value": "14"}]}]  # fmt: skip
    return ReportItem(
        employee_id=employee.id,
        cells=(
            cell("absence_1501", "ABSENCE_OVERVIEW", **period(0), duration_days="3", duration_hours="24.0"),
            # An employee has as many periods as absences, all with the same attribute id.
            *(
                cell("absence_1501:periods", "ABSENCE_PERIOD", **period(n), half_day_at_start=n == 1,
                     half_day_at_end=False)
                for n in range(3)
            ),
            cell("attendance_tracked_hours", "DURATION", duration=rng.randrange(10_000)),
            cell("bonus_2024", "COMPENSATION", amount="1234.50", currency_code=employee.currency,
                 currency_symbol="€", overtime_hours="12", bonus_type="MAX"),
            cell("performance_target_name", "PERFORMANCE_TARGET", performance_targets=targets),
            cell("performance_kpi_name", "PERFORMANCE_KPI", performance_target_kpis=kpis),
        ),
    )  # fmt: skip


def _cells(
    company: Views, people: Iterable[Employee]
) -> tuple[tuple[tuple[str, str, str], ...], tuple[Row, ...]]:
    """The columns and rows of a report as v2 shows it; the cells of a row are in the order of the columns."""
    columns = (
        ("first_name", "First name", "string"),
        ("department", "Department", "option"),
        ("attendance_hours_tracked", "Hours", "decimal"),
        ("employment_period", "Employed", "time_range"),
        ("cost_center_share", "Share", "percentage"),
        ("fix_salary", "Fixed salary", "monetary"),
        ("dynamic_1000148", "Visa expiry", "date"),
    )
    rows = []
    for employee in people:
        a = employee.attributes
        department, ended = a["department"], a["termination_date"]
        options = (
            []
            if department is None
            else [{"key": str(department), "value": company.org_units[department].name}]
        )
        until = None if ended is None else ended.isoformat()
        share = {"percentage": a["cost_centers"][0][1]} if a["cost_centers"] else None
        rows.append((
            ("first_name", "string_value", {"value": a["first_name"]}),
            ("department", "options_value", {"options": options}),
            ("attendance_hours_tracked", "numeric_value", {"number": employee.id % 97 / 4}),
            ("employment_period", "time_range_value", {"from": a["hire_date"].isoformat(), "to": until}),
            ("cost_center_share", "percentage_value", share),
            ("fix_salary", "monetary_value", {"amount": a["fix_salary"], "currency": employee.currency}),
            ("dynamic_1000148", None, None),
        ))  # fmt: skip
    plain: tuple[Row, ...] = tuple(
        tuple((name, None if content is None else kind, content) for name, kind, content in row)
        for row in rows
    )
    return columns, plain
