"""Damaged files are read, or refused with one line; thousands more in `fuzz_readers`."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fuzz_mutations import damage
from fuzz_readers import damaged_input, fuzz, try_input
from fuzz_targets import TARGETS
from hypothesis import given, settings
from hypothesis import strategies as st

#: Of the slow ones fewer.
EXAMPLES = {"ome-zarr": 100, "model": 100, "package": 100}


@pytest.mark.parametrize("name", TARGETS)
def test_valid_files_are_read(tmp_path: Path, name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    assert seeds
    for number, files in enumerate(seeds):
        place = tmp_path / str(number) / "in"
        place.mkdir(parents=True)
        target.read(target.write(files, place))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_refused_or_harmless(tmp_path: Path, name: str) -> None:
    @settings(max_examples=EXAMPLES.get(name, 200), derandomize=True, database=None)
    @given(seed=st.integers(0, 2**32), start=st.sampled_from(TARGETS[name].seeds()))
    def check(seed: int, start: dict[str, bytes]) -> None:
        outcome, where = try_input(name, damage(start, random.Random(seed)), tmp_path)
        assert outcome in ("read", "refused"), where

    check()


def test_inputs_can_be_made_again() -> None:
    first = [damaged_input("tiff", 0, number) for number in range(30)]
    assert first == [damaged_input("tiff", 0, number) for number in range(30)]
    assert first != [damaged_input("tiff", 1, number) for number in range(30)]


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_no_crash_no_hang_no_traceback(tmp_path: Path, name: str) -> None:
    count = fuzz(name, inputs=1000, seed=7, keep=tmp_path)
    assert count.inputs == 1000
    assert not count.failed, count.failures
