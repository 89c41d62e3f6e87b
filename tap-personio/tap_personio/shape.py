"""`tap-personio --shape`: the form of what Personio answers, as one JSON document without any value of it.

It prints only what this module knows already: paths of endpoints, names of fields, kinds of values, and counts.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import click
import msgspec
from typing_extensions import override

from tap_personio.attributes import STANDARD
from tap_personio.client import Client
from tap_personio.progress import StreamStats
from tap_personio.run import ParentIds, RunContext
from tap_personio.streams import STREAMS
from tap_personio.sync_plan import SyncPlan

if TYPE_CHECKING:
    from singer_sdk import Tap

    from tap_personio.settings import Settings
    from tap_personio.transport import Request, Response

PARENTS = 2  # so many records of a parent stream are asked about, until one has something
DEEPEST = 12
GENERIC = """
    label value type universal_id attributes id currency data meta links href _data _meta self next success metadata
    total_elements total_pages current_page offset limit error errors code message error_data title detail status path
    timestamp personio_trace_id trace_id options items historical_attributes custom_attributes report_config columns
    name date date_time date-time timezone unit key monday tuesday wednesday thursday friday saturday sunday entitlement
    employee_id absence_type attribute_id data_type currency_code currency_symbol effective_date percentage number
    string_value numeric_value date_value boolean_value options_value time_range_value monetary_value percentage_value
    amount weight role state valid_from from to global_id absence_period display minimum midpoint maximum column
    comparison terminated_at street zip_code city enabled_events
""".split()  # noqa: SIM905
KNOWN = frozenset(GENERIC) | STANDARD.keys() | {
    name for stream in STREAMS for column in stream.columns for name in (column.name, *column.path)
}  # fmt: skip
MERGED = ("*", "dynamic_*")
TIME = r"\d\d:\d\d(:\d\d(\.\d+)?)?"
MOMENT = rf"\d{{4}}-\d\d-\d\d[T ]{TIME}"
OFFSET = r"[+-]\d\d:?\d\d"
FORMS = {
    "empty": r"\s*",
    "date": r"\d{4}-\d\d-\d\d",
    "time": TIME,
    "midnight with offset": rf"\d{{4}}-\d\d-\d\d[T ]00:00(:00(\.0+)?)?{OFFSET}",
    "moment with offset": MOMENT + OFFSET,
    "moment with Z": MOMENT + "Z",
    "moment without zone": MOMENT,
    "number": r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?",
    "boolean": r"(?i:true|false)",
}
KINDS = {dict: "object", list: "array", bool: "boolean", int: "integer", float: "number"}


def shape(tap: Tap, settings: Settings) -> bool:
    """Ask each endpoint for a first page and print its form.

    Returns:
        Whether any endpoint answered.

    Raises:
        LoginRefusedError: Personio does not accept the credential.
    """
    settings = replace(settings, concurrency=1)  # one request at a time asks no more than needed
    client = _ListeningClient(settings)
    run = RunContext(settings, client)
    run.attribute_catalogue = []  # so that an odd one is shown instead of ending this
    plan = SyncPlan(None, None, run.started)
    for stream in [each(tap, run) for each in STREAMS]:
        stream.typed_rows = None
        client.responses.setdefault(_template(stream.api, stream.path), None)
        ids: list[Any] = []
        with suppress(Exception):  # whatever an answer did to its stream: its form is shown
            page = next(iter(stream.pages(plan, StreamStats(stream.name))), None)
            ids = stream.parent_ids(page)[:PARENTS] if page and stream.parent_ids else []
        run.ids[stream.name] = ParentIds(lambda _, ids=ids: ids)  # type: ignore[misc]
    client.close()
    endpoints = [{"path": path, **_describe(response)} for path, response in client.responses.items()]
    text = json.dumps({"tap-personio": tap.plugin_version, "endpoints": endpoints}, indent=1)
    # What holds no further object goes on one line.
    click.echo(re.sub(r"\{\n[^{}]*\n *\}", lambda found: re.sub(r"\n *", " ", found[0]), text))
    return any(client.responses.values())


class _ListeningClient(Client):
    """Keeps the last response of each endpoint."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.responses: dict[str, Response | None] = {}

    @override
    def _exchange(self, request: Request) -> tuple[str, Response]:
        token, response = super()._exchange(request)
        path = request.template if request.is_child and request.template else request.path
        self.responses[_template(request.api, path)] = response
        return token, response


def _template(api: str, path: str) -> str:
    """The path of an endpoint. No name of one has a digit, so that what has one is an identifier."""
    return f"/{api}" + re.sub(r"/[^/]*\d[^/]*", "/{id}", path)


def _describe(response: Response | None) -> dict[str, Any]:
    if response is None:  # no token for this version of the API, no parent record, or no answer
        return {"status": None}
    limits = {
        re.sub(r"\d+", "*", name.lower()): int(value) if re.fullmatch("[0-9]{1,9}", value) else "text"
        for name, value in response.headers.items()
        if name.lower().startswith("x-ratelimit-") or name.lower() == "retry-after"
    }
    found: dict[str, Any] = {"status": response.status, "limits": limits}
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.MsgspecError, RecursionError):
        return {**found, "answer": "not JSON"}
    name = next((each for each in ("_data", "data") if isinstance(body, dict) and each in body), "")
    if response.status != 200 or not name:
        return {**found, "answer": _forms([body])}
    data = body[name]
    records = data if isinstance(data, list) else [data]
    envelope = {**body, name: type(data)() if isinstance(data, list | dict) else data}
    found |= {"records": len(records), "cursor": _cursor_form(body)}
    return {**found, "envelope": _forms([envelope]), "fields": _forms(records)}


def _cursor_form(body: dict[str, Any]) -> str:
    try:
        cursor = parse_qs(urlsplit(body["_meta"]["links"]["next"]["href"]).query)["cursor"][0]
    except (LookupError, TypeError, ValueError, AttributeError):
        return "none"
    if re.fullmatch(r"\d+", cursor):
        return "number"
    for part in (cursor, cursor.partition("_")[2]):
        with suppress(ValueError):
            text = base64.urlsafe_b64decode(part.encode() + b"==").decode("ascii")
            if text.isprintable() and re.search(r"\d", text):
                return "base64 of something with digits"
    return "opaque"


def _forms(values: list[Any]) -> dict[str, dict[str, int]]:
    """How often each path holds what kind of value, is null, or is missing where its siblings are."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    keys: dict[str, set[str]] = defaultdict(set)

    def add(value: Any, path: str, depth: int) -> None:
        forms[path][_form(value)] += 1
        if depth == DEEPEST:
            return
        if isinstance(value, list):
            for each in value:
                add(each, f"{path}[]", depth + 1)
        elif isinstance(value, dict):
            for key, each in value.items():
                name = _shown(key)
                inner = f"{path}.{name}".lstrip(".")
                keys[inner].add(key)
                add(each, inner, depth + 1)

    for each in values:
        add(each, "", 0)
    for path, counts in forms.items():
        parent, _, name = path.rpartition(".")
        if name in MERGED:
            counts["different keys"] = len(keys[path])
        elif path in keys and (missing := forms[parent]["object"] - counts.total()):
            counts["missing"] = missing
    return {path or "(each)": dict(counts) for path, counts in forms.items()}


def _shown(key: str) -> str:
    """The name of a field of Personio; anything else may be a person's, so it gives nothing away."""
    return key if key in KNOWN else "dynamic_*" if re.fullmatch(r"dynamic_\d+", key) else "*"


def _form(value: Any) -> str:
    if value is None:
        return "null"
    if not isinstance(value, str):
        return KINDS[type(value)]
    form = next((name for name, pattern in FORMS.items() if re.fullmatch(pattern, value, re.ASCII)), "")
    if not form and value[0] in "{[":
        with suppress(msgspec.MsgspecError, RecursionError):
            msgspec.json.decode(value)
            form = "JSON"
    return f"text ({form})" if form else "text"
