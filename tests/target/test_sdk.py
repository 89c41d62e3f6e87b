"""The SDK's own tests for targets, and what this target relies on in the SDK."""

from __future__ import annotations

import tempfile
from pathlib import Path

from singer_sdk.testing import get_target_test_class
from singer_target_duckdb.target import TargetDuckDB

_DIRECTORY = tempfile.mkdtemp()

TestSDKTargetTests = get_target_test_class(
    TargetDuckDB, config={"path": str(Path(_DIRECTORY) / "sdk.duckdb"), "default_target_schema": "main"}
)
