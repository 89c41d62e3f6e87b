"""A pytest fixture that is available when the package is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .sandbox import Sandbox


@pytest.fixture
def personio_sandbox() -> Iterator[Callable[..., Sandbox]]:
    """A function that starts a sandbox, which is stopped at the end of the test.

    ``sandbox = personio_sandbox(employees=20, seed=3)``: the arguments are those of `Sandbox`.
    """
    from .sandbox import Sandbox  # noqa: PLC0415  only runs that use the fixture import it

    running: list[Sandbox] = []

    def start(**options: Any) -> Sandbox:
        running.append(Sandbox(**options).start())
        return running[-1]

    yield start
    for sandbox in running:
        sandbox.stop()
