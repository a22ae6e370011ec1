"""Tests that cannot run for want of data are counted and named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = """
import pytest

@pytest.mark.data
def test_marked(): pass

def test_by_fixture(data_folder): assert data_folder.is_dir()

def test_other(): pass
"""


def run_pytest(folder: Path, data: Path) -> str:
    shutil.copy(Path(__file__).with_name("conftest.py"), folder / "conftest.py")
    (folder / "test_some.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    data: needs data\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    environment = {
        **os.environ,
        "INPAINTAFF_DATA": str(data),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_absent_data_is_told(tmp_path: Path) -> None:
    output = run_pytest(tmp_path, tmp_path / "nowhere")
    assert "1 passed, 2 skipped" in output
    assert "2 tests need the development data and did not run:" in output
    assert "test_some.py::test_marked" in output
    assert "test_some.py::test_by_fixture" in output


def test_present_data_is_used(tmp_path: Path) -> None:
    output = run_pytest(tmp_path, tmp_path)
    assert "3 passed" in output
    assert "development data" not in output
