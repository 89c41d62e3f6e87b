"""A client that speaks both versions as a careful integration would."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from personio_sandbox import Sandbox

NOW = dt.datetime(2026, 6, 15, 12, tzinfo=dt.UTC)


class Client:
    """Logs in and reads; answers come as they are."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.http, self.v1_token, self.v2_token = sandbox, requests.Session(), "", ""
        self.http.trust_env = False

    def login(self) -> requests.Response:
        body = {"client_id": self.sandbox.client_id, "client_secret": self.sandbox.client_secret}
        answer = self.http.post(f"{self.sandbox.url}/v1/auth", json=body, timeout=10)
        self.v1_token = answer.json()["data"]["token"] if answer.ok else ""
        return answer

    def login_v2(self, **form: str) -> requests.Response:
        body = {
            "grant_type": "client_credentials", "client_id": self.sandbox.client_id,
            "client_secret": self.sandbox.client_secret, **form,
        }  # fmt: skip
        answer = self.http.post(f"{self.sandbox.url}/v2/auth/token", data=body, timeout=10)
        self.v2_token = answer.json().get("access_token", "")
        return answer

    def v1(self, path: str, **query: Any) -> requests.Response:
        if not self.v1_token:
            self.login()
        headers = {"Authorization": f"Bearer {self.v1_token}"}
        url = f"{self.sandbox.url}/v1/company/{path}"
        return self.http.get(url, params=query, headers=headers, timeout=10)

    def v2(self, path: str, *, beta: bool = True, **query: Any) -> requests.Response:
        if not self.v2_token:
            self.login_v2()
        headers = {"Authorization": f"Bearer {self.v2_token}"} | ({"Beta": "true"} if beta else {})
        url = path if path.startswith("http") else f"{self.sandbox.url}/v2/{path}"
        return self.http.get(url, params=query, headers=headers, timeout=10)

    def all_v2(self, path: str, **query: Any) -> list[Any]:
        """Every row of a list, by following its links."""
        rows: list[Any] = []
        answer = self.v2(path, **query)
        for _ in range(5000):
            assert answer.status_code == 200, answer.text
            rows += answer.json()["_data"]
            following = (answer.json()["_meta"]["links"] or {}).get("next")
            if following is None:
                return rows
            answer = self.v2(following["href"])
        raise AssertionError("the pages do not end")

    def control(self, method: str, name: str, **body: Any) -> Any:
        answer = self.http.request(method, f"{self.sandbox.url}/_sandbox/{name}", json=body, timeout=10)
        return answer.json()

    def close(self) -> None:
        self.http.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Client]]:
    """Start a sandbox with these options (the clock stands still) and get a client for it."""
    clients: list[Client] = []

    def start(**options: Any) -> Client:
        chosen = {"employees": 30, "attendances_per_employee": 30, "now": NOW} | options
        clients.append(Client(Sandbox(**chosen).start()))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
        client.sandbox.stop()


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    """A client of a small sandbox."""
    return start()
