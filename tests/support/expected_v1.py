"""What each table has to hold, computed from the sandbox's company by other code than the tap's.

The columns and their types are written down by hand. Values are Python's: a day is a date, a moment an aware datetime
in UTC, JSON is what `json.loads` makes of it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from personio_sandbox.company import Company

Key = tuple[Any, ...]
Row = dict[str, Any]

BIGINT, DOUBLE, BOOLEAN, VARCHAR, JSON = "BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR", "JSON"
DATE, TIME, MOMENT, LOCAL = "DATE", "TIME", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP"


class Table(NamedTuple):
    """Column types in order, key columns, and the rows by key."""

    types: dict[str, str]
    keys: tuple[str, ...]
    rows: Mapping[Key, Row]


OTHERS = {"other_fields": JSON}

ABSENCE_TYPES = {
    "id": BIGINT, "id_v2": VARCHAR, "name": VARCHAR, "category": VARCHAR, "unit": VARCHAR,
    "approval_required": BOOLEAN, **OTHERS,
}  # fmt: skip
ABSENCES = {
    "id": BIGINT, "id_v2": VARCHAR, "status": VARCHAR, "start_date": DATE, "end_date": DATE, "days_count": DOUBLE,
    "half_day_start": BOOLEAN, "half_day_end": BOOLEAN, "time_off_type": JSON, "time_off_type_id": BIGINT,
    "time_off_type_name": VARCHAR, "employee": JSON, "employee_id": BIGINT, "certificate": JSON, "comment": VARCHAR,
    "created_by": VARCHAR, "created_at": MOMENT, "updated_at": MOMENT, **OTHERS,
}  # fmt: skip
ATTENDANCES = {
    "id": BIGINT, "id_v2": VARCHAR, "employee_id": BIGINT, "date": DATE, "start_time": TIME,
    "end_time": TIME, "break": BIGINT, "comment": VARCHAR, "status": VARCHAR, "is_holiday": BOOLEAN,
    "is_on_time_off": BOOLEAN, "project": JSON, "project_id": BIGINT, "project_name": VARCHAR, "updated_at": MOMENT,
    **OTHERS,
}  # fmt: skip
PROJECTS = {
    "id": BIGINT, "name": VARCHAR, "active": BOOLEAN, "created_at": MOMENT, "updated_at": MOMENT, **OTHERS,
}  # fmt: skip
CATEGORIES = {"id": BIGINT, "name": VARCHAR, **OTHERS}
REPORTS = {
    "id": VARCHAR, "name": VARCHAR, "description": VARCHAR, "author_first_name": VARCHAR, "author_last_name": VARCHAR,
    "type": VARCHAR, "status": VARCHAR, "start_date": DATE, "end_date": DATE, "period_type": VARCHAR, "columns": JSON,
    "filters": JSON, "created_at": MOMENT, "updated_at": MOMENT, "data_refreshed_at": MOMENT, **OTHERS,
}  # fmt: skip
BALANCES = {
    "employee_id": BIGINT, "id": BIGINT, "name": VARCHAR, "category": VARCHAR, "balance": DOUBLE,
    "available_balance": DOUBLE, **OTHERS,
}  # fmt: skip

# Types of the catalogue's kinds, and Personio's own attributes whose type is not a kind's.
KINDS = {
    "integer": BIGINT, "text": VARCHAR, "decimal": DOUBLE, "day": DATE, "moment": MOMENT, "list": VARCHAR,
    "tags": JSON, "relation": JSON,
}  # fmt: skip
CHOICES = (
    "gender", "status", "position", "employment_type", "termination_type", "termination_reason", "fix_salary_interval",
)  # fmt: skip
NAMED = ("subcompany", "office", "department", "team", "holiday_calendar", "work_schedule")
# The sandbox's custom attributes: what their labels become. `{}` stands for the key of the attribute.
LABELS = {
    "Date of birth": "date_of_birth",
    "IBAN": "iban",
    "Language skills": "language_skills",
    "T-shirt size": "t_shirt_size",
    "Visa expiry": "visa_expiry",
    "Company car since": "company_car_since",
    "Emergency contact": "emergency_contact",
    "Profile page": "profile_page",
    "Notes": "notes",
    "Badge number": "badge_number",
    "Car allowance": "car_allowance",
    "Commuting distance": "commuting_distance",
    "Cost object": "cost_object_{}",  # there are two
    "Email": "email_{}",
    "Hire date": "hire_date_{}",
    "First Name": "first_name_{}",
    "id": "id_{}",
    'Signed the "policy" (it\'s \\ the new one)': "signed_the_policy_it_s_the_new_one",
    "Schuhgröße für Füße": "schuhgroesse_fuer_fuesse",
    "🚀 Launch team 👩\u200d💻": "launch_team",
    "First line\nSecond line": "first_line_second_line",
    "": "{}",
    "!?! --- %": "{}",
    "2nd phone": "_2nd_phone",
    "select": "select",
    "Ledger number": "ledger_number",
    "Überstundenkonto Ü/ü, ß; DROP TABLE employees; --": "ueberstundenkonto_ue_ue_ss_drop_table_employees",
    "Qualifikation, die einen sehr langen Namen trägt: " + "Weiterbildung und " * 12 + "Prüfung": (
        "qualifikation_die_einen_sehr_langen_namen_traegt"
    ),
}


def tables(company: Company, names: Iterable[str] | None = None) -> dict[str, Table]:
    """The eight tables, or those of these names among them, as Personio would show them at this moment."""
    every = {
        "employees": lambda: employees(company),
        "absence_types": lambda: table(ABSENCE_TYPES, ("id",), _absence_types(company)),
        "absences": lambda: table(ABSENCES, ("id",), _absences(company)),
        "attendances": lambda: table(ATTENDANCES, ("id",), _attendances(company)),
        "projects": lambda: table(PROJECTS, ("id",), _projects(company)),
        "document_categories": lambda: table(CATEGORIES, ("id",), _categories(company)),
        "custom_reports_list": lambda: table(REPORTS, ("id",), _reports(company)),
        "employees_absences_balance": lambda: table(BALANCES, ("employee_id", "id"), _balances(company)),
    }
    return {name: build() for name, build in every.items() if names is None or name in names}


EIGHT = (
    "employees", "absence_types", "absences", "attendances", "projects", "document_categories", "custom_reports_list",
    "employees_absences_balance",
)  # fmt: skip
MERGED = ("employees", "absences", "attendances")
REPLACED = tuple(name for name in EIGHT if name not in MERGED)


def employees(company: Company) -> Table:
    """The table whose columns come from the account's own catalogue."""
    names = {
        key: LABELS[each.label].format(key) if each.custom else key
        for key, each in company.attributes.items()
    }
    types: dict[str, str] = {}
    for key, each in company.attributes.items():
        types[names[key]] = DOUBLE if key == "weekly_working_hours" else KINDS[each.kind]
        if each.money:
            types[f"{names[key]}_currency"] = VARCHAR
        if key == "supervisor":
            types["supervisor_id"] = BIGINT
        if key in NAMED:
            types[f"{key}_id"], types[f"{key}_name"] = BIGINT, VARCHAR

    def rows() -> Iterable[Row]:
        for employee in company.employees.values():
            row: Row = {}
            for key, each in company.attributes.items():
                value = employee.attributes[key]
                if each.kind == "tags":
                    value = list(value)
                elif each.kind == "relation":
                    value = company.entity(employee, key)
                elif each.kind == "list" or key in CHOICES:
                    value = value or None
                elif key == "weekly_working_hours":  # Personio sends it as text
                    value = float(value) if value else None
                row[names[key]] = value
                if each.money:
                    row[f"{names[key]}_currency"] = employee.currency
            row["supervisor_id"] = employee.attributes["supervisor"]
            for key in NAMED:
                row[f"{key}_id"] = employee.attributes[key]
                row[f"{key}_name"] = row[key] and row[key]["attributes"]["name"]
            yield row

    return table({**types, **OTHERS}, ("id",), rows())


def _absence_types(company: Company) -> Iterable[Row]:
    for kind in company.absence_types.values():
        yield {
            name: getattr(kind, name)
            for name in ("id", "id_v2", "name", "category", "unit", "approval_required")
        }


def _absences(company: Company) -> Iterable[Row]:
    for row in company.time_offs.values():
        kind = company.absence_types[row.absence_type_id]
        yield {
            **{name: getattr(row, name) for name in ABSENCES if hasattr(row, name)},
            "start_date": row.start,
            "end_date": row.end,
            "certificate": {"status": row.certificate},
            "employee": company.short_employee(row.employee_id),
            "time_off_type_id": kind.id,
            "time_off_type_name": kind.name,
            "time_off_type": {
                "type": "TimeOffType",
                "attributes": {"id": kind.id, "name": kind.name, "category": kind.category},
            },
        }


def _attendances(company: Company) -> Iterable[Row]:
    for row in company.attendances.values():
        project = company.projects[row.project_id] if row.project_id else None
        yield {
            **{name: getattr(row, name) for name in ATTENDANCES if hasattr(row, name)},
            "start_time": row.start,
            "end_time": row.end,
            "break": row.break_minutes,
            "project_name": project and project.name,
            "project": project and {
                "id": project.id, "type": "Project", "attributes": {"name": project.name, "active": project.active},
            },
        }  # fmt: skip


def _projects(company: Company) -> Iterable[Row]:
    for row in company.projects.values():
        yield {name: getattr(row, name) for name in PROJECTS if hasattr(row, name)}


def _categories(company: Company) -> Iterable[Row]:
    for row in company.document_categories.values():
        yield {"id": row.id, "name": row.name}


def _reports(company: Company) -> Iterable[Row]:
    for row in company.reports.values():
        yield {
            **{name: getattr(row, name) for name in REPORTS if hasattr(row, name)},
            "columns": list(dict.fromkeys(cell.attribute_id for item in row.items for cell in item.cells)),
            "filters": list(row.filters),
        }


def _balances(company: Company) -> Iterable[Row]:
    for row in company.balances.values():
        kind = company.absence_types[row.absence_type_id]
        yield {
            "employee_id": row.employee_id,
            "id": kind.id,
            "name": kind.name,
            "category": kind.category,
            "balance": row.balance,
            "available_balance": row.available_balance,
        }


def table(types: dict[str, str], keys: tuple[str, ...], rows: Iterable[Row]) -> Table:
    found: dict[Key, Row] = {}
    for row in rows:
        whole = dict.fromkeys(types, None) | {name: _plain(value) for name, value in row.items()}
        found[tuple(whole[key] for key in keys)] = whole
    return Table(types, keys, found)


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value
