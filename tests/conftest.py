"""Development data for tests, and an honest word at the end when it is not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from napari_inpaintaff.networks.compute import Compute, use_compute

NOT_THERE = "the development data is not there"

# A busy machine is no reason to fail: speed is measured in benchmarks/, not here.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def find_data_folder() -> Path | None:
    """Folder of the development images: $INPAINTAFF_DATA, else beside the checkout."""
    named = os.environ.get("INPAINTAFF_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder that holds BBBC039, DSB2018, Fluo-N2DL-HeLa and PhC-C2DL-PSC."""
    folder = find_data_folder()
    assert folder is not None, "tests of the development data are left out without it"
    return folder


@pytest.fixture(autouse=True)
def usual_compute() -> Iterator[None]:
    """What a test sets for the whole process, as the preferences of napari do, ends with it."""
    yield
    use_compute(Compute())


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small networks are faster on one core, and trainings the same everywhere."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests of the development data where there is none."""
    if find_data_folder() is not None:
        return
    for item in items:
        if item.get_closest_marker("data") or "data_folder" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason=NOT_THERE))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count and name the tests that were left out for want of data."""
    # Of the reports: with several workers, tests are collected in other processes.
    skipped = terminalreporter.stats.get("skipped", [])
    names = [report.nodeid for report in skipped if NOT_THERE in str(report.longrepr)]
    if names:
        tests = "test needs" if len(names) == 1 else "tests need"
        terminalreporter.section("development data")
        terminalreporter.write_line(f"{len(names)} {tests} the development data and did not run:")
        for name in names:
            terminalreporter.write_line(f"  {name}")
