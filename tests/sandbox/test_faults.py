"""What goes wrong on purpose: tokens, limits, faults and moving ground."""

import pytest
import requests
from personio_sandbox import Fault
from personio_sandbox.limits import Bucket


def test_the_token_stays_the_same_for_a_day_and_comes_back_in_each_answer(client):
    client.login()
    first = client.v1_token
    assert client.v1("employees").headers["Authorization"] == f"Bearer {first}"
    client.login()
    assert client.v1_token == first
    client.sandbox.company.clock.forward(hours=25)
    assert client.v1("employees").status_code == 403
    client.login()
    assert client.v1_token != first


def test_tokens_can_rotate_with_or_without_an_end_of_the_old_ones(client):
    client.login()
    client.sandbox.options.bearer = "rotating"
    answer = client.v1("employees")
    assert answer.headers["Authorization"] != f"Bearer {client.v1_token}"
    assert client.v1("employees").status_code == 200
    client.sandbox.options.bearer = "single-use"
    client.v1_token = client.v1("employees").headers["Authorization"].removeprefix("Bearer ")
    answer = client.v1("employees")
    assert answer.status_code == 200
    assert client.v1("employees").status_code == 403
    client.v1_token = answer.headers["Authorization"].removeprefix("Bearer ")
    assert client.v1("employees").status_code == 200


def test_a_token_ends_after_so_many_requests(client):
    client.sandbox.options.token_requests = 3
    assert [client.v1("time-off-types").status_code for _ in range(4)] == [200, 200, 200, 403]
    assert [client.v2("persons").status_code for _ in range(4)] == [200, 200, 200, 401]
    client.login()
    assert client.v1("time-off-types").status_code == 200


def test_wrong_credentials_and_missing_tokens_are_refused(client):
    url = client.sandbox.url
    wrong = client.http.post(f"{url}/v1/auth", json={"client_id": "x", "client_secret": "y"}, timeout=10)
    assert (wrong.status_code, wrong.json()["error"]["message"]) == (403, "Wrong credentials")
    assert client.http.get(f"{url}/v1/company/employees", timeout=10).status_code == 401
    query = {"client_id": client.sandbox.client_id, "client_secret": client.sandbox.client_secret}
    assert client.http.post(f"{url}/v1/auth", params=query, timeout=10).status_code == 200
    client.sandbox.options.credentials_in_query = False
    assert client.http.post(f"{url}/v1/auth", params=query, timeout=10).status_code == 403


@pytest.mark.parametrize("kind", ["429", "500", "502", "503", "504"])
def test_an_error_strikes_from_the_nth_request_so_many_times(client, kind):
    client.sandbox.faults.add(kind, "/v1/company/time-off*", nth=2, times=3, retry_after="7")
    answers = [client.v1("time-offs") for _ in range(6)]
    assert [a.status_code for a in answers] == [200, int(kind), int(kind), int(kind), 200, 200]
    assert answers[1].headers["Retry-After"] == "7"
    assert client.v1("employees").status_code == 200


def test_faults_by_probability_are_the_same_for_a_seed(client):
    def statuses() -> list[int]:
        client.sandbox.faults.clear()
        client.sandbox.faults.add("503", probability=0.3, seed=5, times=None)
        return [client.v1("time-off-types").status_code for _ in range(40)]

    client.login()
    first = statuses()
    assert 5 < first.count(503) < 25
    assert statuses() == first


def test_broken_bodies_look_like_success(client):
    client.login()
    faults = client.sandbox.faults
    faults.add("cut-json")
    faults.add("html")
    faults.add("unsuccessful")
    cut, html, unsuccessful = (client.v1("time-offs") for _ in range(3))
    assert [a.status_code for a in (cut, html, unsuccessful)] == [200] * 3
    assert int(cut.headers["Content-Length"]) == len(cut.content)
    with pytest.raises(requests.JSONDecodeError):
        cut.json()
    assert html.headers["Content-Type"].startswith("text/html")
    assert unsuccessful.json()["success"] is False


def test_a_page_can_be_short_and_a_total_wrong(client):
    client.login()
    client.sandbox.faults.add("short-page", "*/time-offs", by=3)
    short = client.v1("time-offs").json()
    assert (len(short["data"]), short["metadata"]["total_elements"]) == (197, 450)
    client.sandbox.faults.add("wrong-total", "*/time-offs", by=-2)
    wrong = client.v1("time-offs").json()
    assert (len(wrong["data"]), wrong["metadata"]["total_elements"]) == (200, 448)
    assert client.v1("time-offs").json()["metadata"]["total_elements"] == 450


@pytest.mark.parametrize("kind", ["reset", "reset-body"])
def test_the_connection_breaks_before_or_in_the_middle_of_a_body(client, kind):
    client.login()
    client.sandbox.faults.add(kind)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)) as broken:
        client.v1("time-offs")
    # A cut in the middle comes after the status line; a cut before it leaves no answer at all.
    assert isinstance(broken.value, requests.exceptions.ChunkedEncodingError) == (kind == "reset-body")
    assert [(r.status, r.fault) for r in client.sandbox.requests][-1] == (0, kind)
    assert client.v1("time-offs").status_code == 200


def test_a_stalled_answer_arrives_whole_or_runs_into_the_clients_timeout(client):
    client.login()
    whole = client.v1("time-offs").content
    client.sandbox.faults.add("stall", seconds=0.1)
    assert client.v1("time-offs").content == whole
    client.sandbox.faults.add("slow", seconds=5)
    headers = {"Authorization": f"Bearer {client.v1_token}"}
    with pytest.raises(requests.Timeout):
        client.http.get(f"{client.sandbox.url}/v1/company/time-offs", headers=headers, timeout=0.2)


def test_the_ground_moves_between_two_pages(client):
    company = client.sandbox.company
    keys = list(company.time_offs)
    client.sandbox.faults.after("/v1/company/time-offs", 1, lambda c: c.delete("time_offs", *keys[:5]))
    client.sandbox.faults.before("/v1/company/time-offs", 3, lambda c: c.insert("time_offs"))
    pages = [client.v1("time-offs", offset=n).json() for n in (1, 2, 3)]
    assert [p["metadata"]["total_elements"] for p in pages] == [450, 445, 446]
    seen = {row["attributes"]["id"] for page in pages for row in page["data"]}
    assert set(keys[200:205]).isdisjoint(seen)


def test_rate_limits_are_those_that_personio_publishes(client, monkeypatch):
    monkeypatch.setattr("personio_sandbox.limits.monotonic", lambda: 1000.0)
    assert client.v2("projects").headers["x-ratelimit-replenish-rate"] == "100000"
    client.sandbox.options.rate_limits = True
    client.login()
    assert [client.v1("employees", limit=1).status_code for _ in range(17)] == [200] * 15 + [429] * 2
    assert client.v1("time-offs").status_code == 200
    answers = [client.v2("projects", limit=1) for _ in range(102)]
    assert [a.status_code for a in answers] == [200] * 100 + [429] * 2
    assert "Retry-After" not in answers[-1].headers
    assert answers[-1].headers["x-ratelimit-burst-capacity"] == "100"
    assert answers[-1].headers["x-ratelimit-remaining"] == "0"
    assert client.v2("persons", limit=1).headers["x-ratelimit-replenish-rate"] == "30"
    client.sandbox.options.retry_after = True
    assert client.v2("projects").headers["Retry-After"] == "1"
    monkeypatch.setattr("personio_sandbox.limits.monotonic", lambda: 1001.0)
    assert [client.v1("employees", limit=1).status_code for _ in range(6)] == [200] * 5 + [429]
    assert [client.v2("projects", limit=1).status_code for _ in range(11)] == [200] * 10 + [429]


def test_an_unknown_fault_is_refused_with_the_list_of_known_ones(client):
    with pytest.raises(ValueError, match="there is no fault 'boom'; there are 400, 401, 403"):
        Fault("boom")
    assert "there is no fault 'boom'" in client.control("POST", "faults", kind="boom")["error"]


def test_a_bucket_holds_as_many_requests_as_its_burst():
    bucket = Bucket(rate=0, burst=3)
    assert [bucket.take() for _ in range(5)] == [True, True, True, False, False]
