"""No personal value, secret or token stands anywhere but in the database; what is mapped away, not even there."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import re
import shutil
import stat
import textwrap
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import commands
import duckdb
import pytest
from certificates import self_signed
from hypothesis import given
from hypothesis import strategies as st
from in_process import Warehouse
from meltano_project import Project, declare, install
from msgspec.structs import replace
from pair import TAP, Pair
from personio_sandbox import Sandbox
from proxy import Altering
from tap_personio.errors import SettingsError
from tap_personio.settings import Settings
from tap_personio.shape import KNOWN
from tap_personio.streams import STREAMS

if TYPE_CHECKING:
    import ssl

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "docs" / "privacy-and-erasure.md"
ALL = tuple(str(each.name) for each in STREAMS)
MERGED = tuple(
    str(each.name) for each in STREAMS if isinstance(each.replication_key, str) and not each.append_only
)
MARKER = "Qxz7marker"
SALARY = 731_973_117
SECRET = "secret-of-the-test"
SALT = "salt-of-the-test"


@pytest.fixture
def sandbox():
    """A company in which every personal text carries a marker, and every salary is the same rare number."""
    options = {"attendances_per_employee": 6, "absences_per_employee": 4, "seed": 10, "client_secret": SECRET}
    with Sandbox(employees=60, **options) as sandbox:
        company = sandbox.company
        for key in list(company.employees):
            texts = (
                "first_name",
                "last_name",
                "preferred_name",
                "email",
                "gender",
                "position",
                "termination_reason",
            )
            values = {name: f"{MARKER}.{name}.{key}@example.com" for name in texts}
            values |= {"fix_salary": SALARY, "hourly_salary": SALARY}
            for name, attribute in company.attributes.items():
                if attribute.custom and attribute.kind == "text":
                    values[name] = f"{MARKER} {attribute.label} {key}"
            company.update("employees", key, **values)
        for table in ("time_offs", "attendances", "hourly_absences"):
            for key in list(getattr(company, table)):
                company.update(table, key, comment=f"{MARKER} comment")
        for key in list(company.time_offs):
            company.update("time_offs", key, created_by=f"{MARKER} author")
        for key, report in list(company.reports.items()):
            rows = tuple(tuple(map(marked_cell, row)) for row in report.rows)
            items = tuple(replace(each, cells=tuple(map(marked_value, each.cells))) for each in report.items)
            names = {"author_first_name": MARKER, "author_last_name": MARKER}
            company.update("reports", key, rows=rows, items=items, **names)
        for key in list(company.documents):
            company.update("documents", key, name=f"{MARKER}.pdf", comment=f"{MARKER} comment")
        for key in list(company.candidates):
            texts = ("first_name", "last_name", "email", "gender", "phone", "location", "linkedin_profile")
            company.update("candidates", key, **{name: f"{MARKER}.{name}.{key}" for name in texts})
        for key in list(company.compensations):
            company.update("compensations", key, amount=SALARY)
        for key in list(company.past_employments):
            company.update("past_employments", key, termination_reason=f"{MARKER} reason")
        for table in ("projects", "recruiting_jobs"):
            for key in list(getattr(company, table)):
                company.update(table, key, name="Something")
        company.events[:] = [
            replace(each, payload={**each.payload, "was": MARKER}) for each in company.events
        ]
        yield sandbox


def marked_cell(cell):
    name, kind, _ = cell
    return (name, kind, {"value": MARKER}) if kind == "string_value" else cell


def marked_value(cell):
    return replace(cell, fields={"value": MARKER}) if cell.attribute_id == "first_name" else cell


def found_in(folder: Path, *words: str, apart_from: tuple[str, ...] = ()) -> list[str]:
    """Files below a folder that hold one of the words."""
    return [
        f"{path.name}: {word}"
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(apart_from)
        for word in words
        if word.encode() in path.read_bytes()
    ]


def test_a_bad_day_at_debug_level_leaves_no_personal_value_behind(sandbox, tmp_path):
    for kind in ("500", "reset-body", "cut-json", "unsuccessful", "html", "429", "403"):
        sandbox.faults.add(kind, "/v1/company/*", nth=3, times=2)
    # A value of the wrong type, which fails its stream, and a list that never arrives.
    sandbox.company.insert("absence_types", name=f"{MARKER} type", unit=f"{MARKER} unit")
    sandbox.faults.add("500", "/v1/company/attendances/projects", times=None)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    pair = Pair(
        tmp_path,
        sandbox,
        streams=None,
        environment={
            "LOGLEVEL": "DEBUG",
            "TAP_PERSONIO_LOGLEVEL": "DEBUG",
            "TARGET_DUCKDB_LOGLEVEL": "DEBUG",
            "TMPDIR": str(temporary),
        },
    )
    run = pair.finish(*pair.start())
    assert "DEBUG" in run.tap_log
    assert run.tap == 1
    (tmp_path / "states").write_text(json.dumps(run.states))
    words = (MARKER, SECRET, "papi-", str(SALARY))
    assert found_in(tmp_path, *words, apart_from=("warehouse.duckdb", "tap.json")) == []
    assert MARKER.encode() in pair.database.read_bytes(), "the marker should be in the database"
    assert not list(temporary.iterdir())
    assert stat.S_IMODE(pair.database.stat().st_mode) == 0o600


def recipe() -> str:
    """The settings on the page about privacy, with a salt of one's own."""
    text = RECIPE.read_text().partition("```json")[2].partition("```")[0]
    return text.replace("a long random text of your own, kept secret", SALT)


def leave_only_what_the_recipe_knows(company) -> None:
    """Custom attributes and positions need a line of their own, says the page."""
    for employee in list(company.employees):
        for key, attribute in company.attributes.items():
            if attribute.custom and attribute.kind == "text" and attribute.universal_id is None:
                company.update("employees", employee, **{key: "not personal"})
        company.update("employees", employee, position="Nurse")


def in_clear(database: Path) -> set[str]:
    """Tables of a database that hold a marked value, or the salt."""
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        texts = {
            table: str(connection.execute(f'SELECT * FROM "{schema}"."{table}"').fetchall()).lower()
            for schema, table in tables
        }
    words = (MARKER.lower(), str(SALARY), SALT)
    return {table for table, text in texts.items() if any(word in text for word in words)}


def test_the_recipe_of_the_docs_pseudonymises_from_config_to_database(sandbox, tmp_path):
    leave_only_what_the_recipe_knows(sandbox.company)
    pair = Pair(tmp_path, sandbox, json.loads(recipe()), streams=ALL)
    done = commands.run(pair.tap_command(), b"", check=True)
    lines = done.stdout.splitlines()
    leaks = {
        (message["stream"], name)
        for message in map(json.loads, lines)
        if message["type"] == "RECORD"
        for name, value in message["record"].items()
        if any(word in json.dumps(value).lower() for word in (MARKER.lower(), str(SALARY), SALT))
    }
    assert not leaks
    pair.run()
    assert in_clear(pair.database) == set()
    assert MARKER.encode() not in pair.database.read_bytes()
    rows = pair.read("employees", ["id"])
    assert len({row["email"] for row in rows.values()}) == len(rows) == 60
    assert all(re.fullmatch("[0-9a-f]{64}", row["last_name"]) for row in rows.values())
    assert not {"fix_salary", "hourly_salary", "supervisor"} & set(pair.types("employees"))
    before = {key: row["email"] for key, row in rows.items()}
    sandbox.company.change(5, tables=("time_offs",))
    pair.run()
    assert {key: row["email"] for key, row in pair.read("employees", ["id"]).items()} == before


def test_the_recipe_does_the_same_in_meltano_yml(sandbox, tmp_path):
    leave_only_what_the_recipe_knows(sandbox.company)
    declare(tmp_path)
    declared = (tmp_path / "meltano.yml").read_text()
    config = f"    config:\n{textwrap.indent(recipe().strip(), ' ' * 6)}\n"
    declared = declared.replace(
        "    pip_url: -e ./tap-personio\n", f"    pip_url: -e ./tap-personio\n{config}"
    )
    (tmp_path / "meltano.yml").write_text(declared.replace("    - employees.*\n", "    - '*.*'\n"))
    (tmp_path / ".env").write_text("TAP_PERSONIO_STREAM_MAP_CONFIG_SALT=salt-of-the-env\n")
    install(tmp_path)
    project = Project(tmp_path, sandbox)
    project.meltano("run", "tap-personio", "target-duckdb")
    assert set(ALL) - project.pair.tables() == set()
    assert in_clear(project.pair.database) == set()
    one = next(iter(project.pair.read("employees", ["id"]).values()))
    address = sandbox.company.employees[one["id"]].attributes["email"]
    assert one["email"] == hashlib.sha256(f"salt-of-the-env{address}".encode()).hexdigest()


def whole(run) -> set[str]:
    """The merge tables that a run has read whole."""
    return set(re.findall(r"(\w+): read whole", run.tap_log)) & set(MERGED)


def test_the_recipe_clears_a_database_that_is_loaded_already(sandbox, tmp_path):
    leave_only_what_the_recipe_knows(sandbox.company)
    pair = Pair(tmp_path, sandbox, streams=ALL)
    pair.run()
    assert in_clear(pair.database) == {
        "employees", "absences", "attendances", "hourly_absences", "custom_reports", "custom_reports_list", "persons",
        "employments", "absence_periods", "attendance_periods", "compensations", "documents", "reports",
        "recruiting_applications", "recruiting_candidates", "webhook_events",
    }  # fmt: skip
    assert whole(pair.run()) == set()

    pair.settings = json.loads(recipe())
    kept = pair.state["bookmarks"]["projects"]
    assert whole(pair.run()) == set(MERGED) - {"absence_period_breakdowns", "recruiting_stage_transitions"}
    assert in_clear(pair.database) == {"webhook_events"}
    with duckdb.connect(str(pair.database)) as connection:
        statement = re.search("`UPDATE personio[.](webhook_events .*?)`", RECIPE.read_text())[1]
        connection.execute(f"UPDATE main.{statement}")
    assert in_clear(pair.database) == set()
    assert pair.state["bookmarks"]["projects"].keys() == kept.keys()
    assert SALT not in json.dumps(pair.state)
    assert whole(pair.run()) == set()

    before = pair.read("employees", ["id"])
    pair.settings["stream_map_config"]["salt"] = "another-salt"
    assert "employees" in whole(pair.run())
    after = pair.read("employees", ["id"])
    assert not {row["email"] for row in before.values()} & {row["email"] for row in after.values()}
    pair.settings = {}
    assert "employees" in whole(pair.run())
    assert "employees" in in_clear(pair.database)


def test_a_column_that_is_deselected_is_emptied_by_the_next_run(sandbox, tmp_path):
    streams = ["employees", "absences", "recruiting_candidates"]
    pair = Pair(tmp_path, sandbox, streams=streams)
    pair.run()
    catalog = pair.catalog()
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if entry["tap_stream_id"] in ("absences", "recruiting_candidates") and metadata["breadcrumb"][1:] in (
                ["comment"], ["employee"], ["created_by"], ["other_fields"], ["first_name"], ["last_name"], ["email"],
                ["gender"], ["phone"], ["location"], ["linkedin_profile"],
            ):  # fmt: skip
                metadata["metadata"]["selected"] = False
    (tmp_path / "discovered.json").write_text(json.dumps(catalog))
    assert whole(pair.run()) == {"absences", "recruiting_candidates"}
    assert in_clear(pair.database) == {"employees"}
    assert len(pair.read("absences", ["id"])) == len(sandbox.company.time_offs)
    assert whole(pair.run()) == set()
    scopes = {name: entry["scope"] for name, entry in pair.state["bookmarks"].items()}
    assert re.fullmatch(r"\d+-[0-9a-f]{8}", scopes["employees"]), "as it was before there were fingerprints"
    assert re.fullmatch("/ [0-9a-f]{8}", scopes["absences"])


def test_a_deselected_column_appears_nowhere_in_the_tap_s_output(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, streams=["employees"])
    catalog = pair.catalog()
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if metadata["breadcrumb"] and metadata["metadata"].get("inclusion") != "automatic":
                metadata["metadata"]["selected"] = False
    (tmp_path / "few.json").write_text(json.dumps(catalog))
    command = [TAP, "--config", pair.tap_command()[2], "--catalog", str(tmp_path / "few.json")]
    done = commands.run(command, b"", check=True)
    assert MARKER.encode() not in done.stdout
    records = [json.loads(line)["record"] for line in done.stdout.splitlines() if b'"RECORD"' in line]
    assert len(records) == 60
    assert all(record.keys() == {"id", "last_modified_at"} for record in records)


def leaves(value):
    """The texts and numbers of an answer, and the names of its objects that the API reference does not have."""
    if isinstance(value, dict):
        yield from (key for key in value if key not in KNOWN)
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each)
    elif value is not None and (len(str(value)) > 4 or not str(value).isdigit()):
        yield str(value)


def test_the_shape_of_the_answers_holds_no_value_of_them(sandbox):
    heard = set()

    def alter(path, query, body):
        records = body.get("data") or body.get("_data") if isinstance(body, dict) else None
        for record in records if isinstance(records, list) else ():
            if isinstance(record, dict):
                inner = record["attributes"] if isinstance(record.get("attributes"), dict) else record
                inner |= {
                    f"{MARKER}@example.com": {f"{MARKER} label": MARKER, "482913": 1},
                    "dynamic_777": True,
                }
                inner |= {
                    f"dynamic_1{MARKER}": SALARY,
                    "telephone": json.dumps({MARKER: MARKER}),
                    "": [MARKER],
                }
        heard.update(leaves(body))
        return body

    with Altering(sandbox, alter) as personio:
        environment = {
            "TAP_PERSONIO_API_URL": personio.url,
            "TAP_PERSONIO_CLIENT_ID": sandbox.client_id,
            "TAP_PERSONIO_CLIENT_SECRET": SECRET,
            "TAP_PERSONIO_LOGLEVEL": "DEBUG",
            "LOGLEVEL": "DEBUG",
        }
        command = [TAP, "--config=ENV", "--shape"]
        done = commands.run(command, env=os.environ | environment, check=True)
    shown = done.stdout + done.stderr
    assert len(heard) > 1500
    assert {each["status"] for each in json.loads(done.stdout)["endpoints"]} == {200}
    words = set(re.findall(r"[^\s\"{}:,./\[\]()]+", shown))
    told = {each for each in heard if each in words or (len(each) > 5 and each in shown)}
    # Kinds of values and names of fields are also the texts of some fields.
    kinds = {"integer", "boolean", "text", "time"}
    assert {each for each in told if not any(each in name for name in KNOWN)} <= kinds
    assert [
        word for word in (MARKER, SECRET, "papi-", "Bearer", "telephone", str(SALARY)) if word in shown
    ] == []


def settings_of(url) -> Settings:
    return Settings.from_config({"client_id": "a", "client_secret": "b", "api_url": url})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:5", "http://127.8.9.1/"]
)
def test_plain_http_is_accepted_for_loopback(url):
    assert settings_of(url).api_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.personio.de",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "http://user:word@127.0.0.1",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://192.168.1.1:8080",
        "HTTP://api.personio.de",
        "ftp://api.personio.de",
        "https://user:word@api.personio.de",
        "https://api.personio.de/?to=example.com",
        "api.personio.de",
        "https://",
        "https://[::1",
    ],
)
def test_any_other_unencrypted_or_odd_address_is_refused(url):
    with pytest.raises(SettingsError, match=r"^The setting api_url ") as raised:
        settings_of(url)
    assert "word" not in raised.value.message


@given(st.text(max_size=30))
def test_no_address_outside_loopback_is_ever_reached_by_plain_http(host):
    try:
        settings = settings_of(f"http://{host}")
    except SettingsError:
        return
    assert re.match(
        r"http://(localhost|127\.\d+\.\d+\.\d+|\[[0:]*:0*1\]|\[::ffff:127\..*\])(:\d*)?(/|$)",
        settings.api_url,
    )


class _Listener(http.server.BaseHTTPRequestHandler):
    """Answers with `answer`, and remembers who asked."""

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        self.server.answer(self)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *args):
        pass


@contextmanager
def listener(answer, context: ssl.SSLContext | None = None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Listener)
    server.daemon_threads = True
    server.asked, server.answer = [], answer
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_redirect_is_not_followed_with_the_token(tmp_path, sandbox):
    def nothing(handler):
        handler.send_response(200)
        handler.end_headers()

    with listener(nothing) as elsewhere:
        address = f"http://127.0.0.1:{elsewhere.server_port}/v1/company/employees"

        def redirect(handler):
            login = handler.path == "/v1/auth"
            body = json.dumps({"success": True, "data": {"token": "papi-token"}}).encode() if login else b""
            handler.send_response(200 if login else 302)
            if not login:
                handler.send_header("Location", address)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        with listener(redirect) as server:
            pair = Pair(
                tmp_path, sandbox, {"api_url": f"http://127.0.0.1:{server.server_port}"}, streams=None
            )
            run = pair.run(tap=1)
        assert server.asked
        assert elsewhere.asked == []
    assert "Traceback" not in run.log


def test_the_token_does_not_follow_a_next_link_to_another_host(sandbox, tmp_path):
    sandbox.options.next_links = "foreign"
    pair = Pair(tmp_path, sandbox, streams=["persons"])
    run = pair.finish(*pair.start())
    assert run.tap == 1
    assert any("points to another host than the setting api_url" in each for each in run.sentences)
    assert all(each.headers["Host"] in sandbox.url for each in sandbox.requests)


def test_a_netrc_file_never_replaces_the_token(sandbox, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\n")
    (tmp_path / ".netrc").chmod(0o600)
    pair = Pair(tmp_path, sandbox, streams=["projects"], environment={"HOME": str(tmp_path)})
    pair.run()
    assert all(each.headers["Authorization"].startswith("Bearer ") for each in sandbox.requests.to(
        "/v1/company/attendances/projects"))  # fmt: skip


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificate with openssl")
def test_no_credential_is_sent_to_a_host_with_an_untrusted_certificate(sandbox, tmp_path):
    context, _ = self_signed(tmp_path)
    with listener(lambda handler: None, context) as server:
        url = f"https://localhost:{server.server_port}"
        run = Pair(tmp_path, sandbox, {"api_url": url}, streams=None).run(tap=1)
        assert server.asked == []
    [sentence] = run.sentences
    assert sentence.startswith("The TLS certificate of localhost (setting api_url) cannot be trusted: ")
    assert "Traceback" not in run.log


def test_a_file_of_certificates_that_is_not_there_is_named_by_its_setting(sandbox, tmp_path):
    pair = Pair(
        tmp_path,
        sandbox,
        {"api_url": "https://localhost:1"},
        streams=None,
        environment={"REQUESTS_CA_BUNDLE": str(tmp_path / "nothing.pem")},
    )
    run = pair.run(tap=1)
    [sentence] = run.sentences
    assert sentence == (
        "The certificates that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names cannot be read: check the path."
    )
    assert "Traceback" not in run.log


@pytest.mark.parametrize(
    ("maps", "sentence"),
    [
        (
            {"projects": {"name": "upper("}},
            "The setting stream_maps cannot be applied: an expression is not valid.",
        ),
        ({"projects": {"id": None}}, "The setting stream_maps cannot be applied: Removing key property 'id'"),
    ],
    ids=["syntax", "key"],
)
def test_a_stream_map_that_cannot_work_is_told_in_one_sentence(sandbox, maps, sentence):
    warehouse = Warehouse(sandbox, settings={"stream_maps": maps})
    assert warehouse.read().error.startswith(sentence)


def test_an_expression_that_fails_tells_neither_record_nor_expression(sandbox, caplog):
    maps = {"employees": {"email": "email + 1", "iban": "'salt-of-the-test'"}, "absences": {"id": "id"}}
    warehouse = Warehouse(sandbox, settings={"stream_maps": maps})
    reading = warehouse.read()
    assert reading.error == "Not read completely: employees. Their tables and bookmarks are unchanged."
    assert MARKER not in caplog.text
    assert "salt-of" not in caplog.text
    assert not reading.of("ACTIVATE_VERSION", "employees")


@pytest.mark.parametrize("name", ["webhook_events", "*_events"])
def test_the_map_of_a_stream_that_is_not_selected_does_no_harm(sandbox, name):
    warehouse = Warehouse(sandbox, settings={"stream_maps": {name: {"id": "id", "type": None}}})
    assert warehouse.read().error is None
    assert warehouse.differences() == []
