"""The control endpoints under /_sandbox/: the Python interface over HTTP. JSON in, JSON out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from .api import encode
from .faults import Fault

if TYPE_CHECKING:
    from .company import Company
    from .server import Server

Command = Callable[["Server", dict[str, Any]], Any]
COMMANDS: dict[tuple[str, str], Command] = {}


def command(method: str, name: str) -> Callable[[Command], Command]:
    """Register a control endpoint."""

    def add(function: Command) -> Command:
        COMMANDS[method, name] = function
        return function

    return add


async def control(server: Server, request: web.BaseRequest) -> web.Response:
    """Run a control request; a bad request gets 400 and one sentence."""
    name = request.path.removeprefix("/_sandbox").strip("/") or "health"
    function = COMMANDS.get((request.method, name))
    if function is None:
        known = sorted(f"{method} /_sandbox/{name}" for method, name in COMMANDS)
        return _json({"error": f"there is no {request.method} {request.path}", "known": known}, 404)
    body = await request.read()
    try:
        arguments = {**request.query, **(msgspec.json.decode(body, type=dict[str, Any]) if body else {})}
        with server.company.lock:
            return _json(function(server, arguments))
    except KeyError as error:
        return _json({"error": f"there is no {error.args[0]!r}"}, 400)
    except (ValueError, TypeError, AttributeError, msgspec.ValidationError, msgspec.DecodeError) as error:
        return _json({"error": str(error)}, 400)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=encode(value), status=status, content_type="application/json")


@command("GET", "health")
def health(server: Server, arguments: dict[str, Any]) -> Any:
    """The status, the time, and the number of rows per table."""
    del arguments
    company = server.company
    return {
        "status": "ok",
        "now": company.now(),
        "rows": {name: len(getattr(company, name)) for name in company.tables},
    }


@command("POST", "reset")
def reset(server: Server, arguments: dict[str, Any]) -> Any:
    """Generate the company again; reset faults, rights, limits and the log."""
    del arguments
    server.company.found_again()
    server.faults.clear()
    server.rights.reset()
    server.limits.reset()
    server.requests.clear()
    return health(server, {})


@command("POST", "change")
def change(server: Server, arguments: dict[str, Any]) -> Any:
    """``{percent, tables}``: change this share of each table; returns the ids."""
    return server.company.change(**arguments)


@command("POST", "update")
def update(server: Server, arguments: dict[str, Any]) -> Any:
    """``{table, id, values}``: set fields of a record."""
    table = arguments["table"]
    key = key_of(server.company, table, arguments["id"])
    return server.company.update(table, key, **typed(server.company, table, key, arguments["values"]))


@command("POST", "insert")
def insert(server: Server, arguments: dict[str, Any]) -> Any:
    """``{table, values}``: add a record, or ``{table, count}``: add so many."""
    company, table = server.company, arguments["table"]
    last = next(reversed(list(getattr(company, table))), None) if table in company.tables else None
    values = typed(company, table, last, arguments.get("values", {}))
    return [company.insert(table, **values) for _ in range(int(arguments.get("count", 1)))]


@command("POST", "delete")
def delete(server: Server, arguments: dict[str, Any]) -> Any:
    """``{table, ids}``, or ``{table, percent}``: delete records; returns the ids."""
    company, table = server.company, arguments["table"]
    if "percent" in arguments:
        keys = company.sample(table, float(arguments["percent"]))
    else:
        keys = [key_of(company, table, key) for key in arguments["ids"]]
    company.delete(table, *keys)
    return {"deleted": keys}


@command("GET", "requests")
def requests(server: Server, arguments: dict[str, Any]) -> Any:
    """The log: method, path, query, status, at, fault of each request; ``?path=`` for one path or endpoint."""
    found = server.requests.to(arguments["path"]) if "path" in arguments else server.requests.all()
    return [
        {"method": r.method, "path": r.path, "query": list(r.query.items()), "status": r.status, "at": r.at,
         "fault": r.fault}
        for r in found
    ]  # fmt: skip


@command("GET", "requests/counts")
def counts(server: Server, arguments: dict[str, Any]) -> Any:
    """How many requests there were, by endpoint."""
    del arguments
    return dict(sorted(server.requests.counts().items()))


@command("DELETE", "requests")
def forget(server: Server, arguments: dict[str, Any]) -> Any:
    """Empty the log."""
    del arguments
    server.requests.clear()
    return {}


@command("GET", "faults")
def list_faults(server: Server, arguments: dict[str, Any]) -> Any:
    """The faults that are switched on, and how many requests each has affected."""
    del arguments
    return [asdict(fault) for fault in server.faults]


@command("POST", "faults")
def add_fault(server: Server, arguments: dict[str, Any]) -> Any:
    """``{kind, path, nth, times, probability, …}``: switch a fault on."""
    unknown = set(arguments) - {f.name for f in fields(Fault) if f.init}
    if unknown:
        raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
    return asdict(server.faults.add(**arguments))


@command("DELETE", "faults")
def clear_faults(server: Server, arguments: dict[str, Any]) -> Any:
    """Switch all faults and planned changes off."""
    del arguments
    server.faults.clear()
    return {}


@command("POST", "plan")
def plan(server: Server, arguments: dict[str, Any]) -> Any:
    """``{when, path, nth, command, arguments}``: run change, update, insert or delete at the nth request."""
    when, name = arguments.get("when", "before"), arguments["command"]
    if when not in ("before", "after") or name not in ("change", "update", "insert", "delete"):
        raise ValueError("when is before or after; command is change, update, insert or delete")
    function, given = COMMANDS["POST", name], arguments.get("arguments", {})
    hook = server.faults.before if when == "before" else server.faults.after
    hook(arguments["path"], int(arguments.get("nth", 1)), lambda _: function(server, given))
    return {}


@command("GET", "rights")
def rights(server: Server, arguments: dict[str, Any]) -> Any:
    """The areas that may be read, and the hidden attributes."""
    del arguments
    hidden = [key for key in server.company.attributes if not server.rights.sees(key)]
    return {"areas": sorted(server.rights.areas), "hidden_attributes": hidden}


@command("POST", "rights")
def set_rights(server: Server, arguments: dict[str, Any]) -> Any:
    """Any of ``{only, deny, allow, hide_attributes, show_attributes}``, each a list; ``{reset: true}`` first."""
    steps = ("only", "deny", "allow", "show_attributes", "hide_attributes")
    unknown = set(arguments) - {*steps, "reset"}
    if unknown:
        raise ValueError(f"rights have no {', '.join(sorted(unknown))}")
    if arguments.get("reset"):
        server.rights.reset()
    for step in steps:
        if step in arguments:
            getattr(server.rights, step)(*arguments[step])
    return rights(server, {})


@command("POST", "options")
def set_options(server: Server, arguments: dict[str, Any]) -> Any:
    """Change options while the sandbox runs, e.g. ``{latency: 0.2}``; returns all but the credential."""
    for name, value in arguments.items():
        setattr(server.options, name, value)
    return {k: v for k, v in asdict(server.options).items() if not k.startswith("client_")}


@command("GET", "clock")
def clock(server: Server, arguments: dict[str, Any]) -> Any:
    """The sandbox's time."""
    del arguments
    return {"now": server.company.now()}


@command("POST", "clock")
def set_clock(server: Server, arguments: dict[str, Any]) -> Any:
    """``{forward: {days: 8}}`` moves the clock; ``{now: "2026-06-01T00:00:00Z"}`` fixes it at that time."""
    if "now" in arguments:
        server.company.clock.set(dt.datetime.fromisoformat(arguments["now"]))
    server.company.clock.forward(**arguments.get("forward", {}))
    return {"now": server.company.now()}


@command("POST", "expire-tokens")
def expire_tokens(server: Server, arguments: dict[str, Any]) -> Any:
    """End all tokens now."""
    del arguments
    server.tokens.expire()
    return {}


def key_of(company: Company, table: str, given: Any) -> Any:
    """The id of a record from its JSON form: text where JSON has text, a pair for balances."""
    if table == "balances":
        return tuple(given)
    rows = company.rows(table)
    if given not in rows and isinstance(given, str) and given.isdigit():
        return int(given)
    return given


def typed(company: Company, table: str, key: Any, values: dict[str, Any]) -> dict[str, Any]:
    """JSON values as the Python types of the record's fields."""
    if table != "employees":
        if key is None:
            return values
        record = type(company.rows(table)[key])
        types = {f.name: f.type for f in msgspec.structs.fields(record)}
        return {
            name: msgspec.convert(value, types[name]) if name in types else value
            for name, value in values.items()
        }
    types = {"day": dt.date | None, "moment": dt.datetime | None, "tags": tuple[str, ...]}
    pairs = {
        "cost_centers": tuple[tuple[int, int | float], ...],
        "absence_entitlement": tuple[tuple[int, int | float], ...],
    }
    return {
        name: msgspec.convert(value, pairs.get(name) or types.get(company.attributes[name].kind, Any))
        if name in company.attributes else value
        for name, value in values.items()
    }  # fmt: skip
