"""The employee attributes of the invented company: Personio's own and the tenant's custom ones."""

from __future__ import annotations

from .model import Attribute, Kind


def _own(key: str, label: str, type_: str, kind: Kind, **more: bool) -> Attribute:
    return Attribute(key=key, label=label, type=type_, kind=kind, universal_id=key, **more)  # type: ignore[arg-type]


BUILT_IN = (
    _own("id", "ID", "integer", "integer"),
    _own("first_name", "First name", "standard", "text"),
    _own("last_name", "Last name", "standard", "text"),
    _own("preferred_name", "Preferred name", "standard", "text"),
    _own("email", "Email", "standard", "text"),
    _own("gender", "Gender", "standard", "text"),
    _own("status", "Status", "standard", "text"),
    _own("position", "Position", "standard", "text"),
    _own("supervisor", "Supervisor", "standard", "relation"),
    _own("employment_type", "Employment type", "standard", "text"),
    _own("weekly_working_hours", "Weekly hours", "standard", "text"),
    _own("hire_date", "Hire date", "date", "day"),
    _own("contract_end_date", "Contract ends", "date", "day"),
    _own("termination_date", "Termination date", "date", "day"),
    _own("termination_type", "Termination type", "standard", "text"),
    _own("termination_reason", "Termination reason", "standard", "text"),
    _own("probation_period_end", "Probation period end", "date", "day"),
    _own("last_working_day", "Last day of work", "date", "day"),
    _own("created_at", "Created at", "date", "moment"),
    _own("last_modified_at", "Last modified", "date", "moment"),
    _own("subcompany", "Subcompany", "standard", "relation"),
    _own("office", "Office", "standard", "relation"),
    _own("department", "Department", "standard", "relation"),
    _own("team", "Team", "standard", "relation"),
    _own("cost_centers", "Cost center", "standard", "relation"),
    _own("holiday_calendar", "Public holidays", "standard", "relation"),
    _own("absence_entitlement", "Absence entitlement", "standard", "relation"),
    _own("work_schedule", "Work schedule", "standard", "relation"),
    _own("fix_salary", "Fixed salary", "decimal", "decimal", money=True),
    _own("fix_salary_interval", "Salary interval", "standard", "text"),
    _own("hourly_salary", "Hourly salary", "decimal", "decimal", money=True),
    _own("profile_picture", "Profile picture", "standard", "text"),
)

_FIRST_NUMBER = 1_000_000


def _custom(label: str, type_: str, **more: object) -> tuple[str, str, dict[str, object]]:
    return label, type_, more


_CUSTOM = (
    _custom("Date of birth", "date", universal_id="date_of_birth"),
    _custom("IBAN", "standard", universal_id="iban"),
    _custom("Language skills", "tags", options=("English", "German", "Polish", "Portuguese", "Türkçe")),
    _custom("T-shirt size", "list", options=("S", "M", "L", "XL")),
    _custom("Visa expiry", "date"),
    _custom("Company car since", "date", plain_day=True),
    _custom("Emergency contact", "standard"),
    _custom("Profile page", "link"),
    _custom("Notes", "multiline"),
    _custom("Badge number", "integer"),
    _custom("Car allowance", "decimal", money=True),
    _custom("Commuting distance", "decimal"),
)
_HOSTILE = (
    _custom("Cost object", "standard"),
    _custom("Cost object", "integer"),
    _custom("Email", "standard"),
    _custom("Hire date", "date", plain_day=True),
    _custom("First Name", "standard"),
    _custom("id", "integer"),
    _custom('Signed the "policy" (it\'s \\ the new one)', "standard"),
    _custom("Schuhgröße für Füße", "decimal"),
    _custom("🚀 Launch team 👩\u200d💻", "list", options=("🚀", "no; thanks", 'a "maybe"')),
    _custom("First line\nSecond line", "multiline"),
    _custom("", "standard"),
    _custom("!?! --- %", "standard"),
    _custom("2nd phone", "standard"),
    _custom("select", "standard"),
    _custom("Ledger number", "integer"),
    _custom("Überstundenkonto Ü/ü, ß; DROP TABLE employees; --", "decimal"),
    _custom("Qualifikation, die einen sehr langen Namen trägt: " + "Weiterbildung und " * 12 + "Prüfung", "tags",
            options=("ISO 9001", "ISO 27001", "Ersthelfer:in")),
)  # fmt: skip
_KINDS: dict[str, Kind] = {
    "standard": "text", "integer": "integer", "decimal": "decimal", "date": "day",
    "list": "list", "tags": "tags", "link": "text", "multiline": "text",
}  # fmt: skip


def catalogue(*, hostile: bool) -> dict[str, Attribute]:
    """Every attribute by key; the hostile ones have duplicate labels and unusual characters."""
    attributes = {attribute.key: attribute for attribute in BUILT_IN}
    for number, (label, type_, more) in enumerate(_CUSTOM + (_HOSTILE if hostile else ())):
        key = f"dynamic_{_FIRST_NUMBER + number * 37}"
        attributes[key] = Attribute(key=key, label=label, type=type_, kind=_KINDS[type_], **more)  # type: ignore[arg-type]
    return attributes
