"""What a killed process leaves behind, and what is offered of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from session_examples import example

from napari_inpaintaff.images import pixel_fingerprint
from napari_inpaintaff.session import AutosaveRun, discard, find_unsaved, read_session

SAVE_FOR_EVER = """
import sys
from pathlib import Path
from session_examples import example
from napari_inpaintaff.session import AutosaveRun

run = AutosaveRun(Path(sys.argv[1]))
path = run.new_path()
while True:
    run.write(path, example())
    print(path, flush=True)
"""


@pytest.fixture
def saving(tmp_path):
    """A process that saves without end, killed at the end; and the file that it writes."""
    process = subprocess.Popen(
        [sys.executable, "-c", SAVE_FOR_EVER, str(tmp_path / "autosave")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])},
    )
    assert process.stdout is not None
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_living_process_keeps_its_files_and_a_killed_one_leaves_them(saving, tmp_path):
    process, path = saving
    root = tmp_path / "autosave"
    assert path.is_file()
    assert find_unsaved(root) == []
    for _ in range(5):
        process.stdout.readline()
    os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()
    now = example().saved + timedelta(days=1)
    (found,) = find_unsaved(root, now=now)
    assert found.path == path
    assert found.role == "result"
    assert found.saved == example().saved
    assert found.fingerprints == {pixel_fingerprint(np.zeros((3, 24, 40)))}
    # Killed in the middle of the next: the last complete one is there.
    np.testing.assert_array_equal(
        read_session(path).labels[0].data, np.asarray(example().labels[0].data)
    )
    discard(path)
    assert find_unsaved(root, now=now) == []
    assert list(root.iterdir()) == []


def left_behind(root, count=1):
    run = AutosaveRun(root)
    paths = [run.write(run.new_path(), example()) for _ in range(count)]
    run.close()
    return paths


def test_old_files_are_removed_and_damaged_ones_are_left_out(tmp_path):
    first, second = left_behind(tmp_path, 2)
    soon = example().saved + timedelta(days=2)
    assert {unsaved.path for unsaved in find_unsaved(tmp_path, now=soon)} == {first, second}
    first.write_bytes(first.read_bytes()[:100])
    assert [unsaved.path for unsaved in find_unsaved(tmp_path, now=soon)] == [second]
    assert first.exists()
    late = max(soon, datetime.now().astimezone()) + timedelta(days=40)
    assert find_unsaved(tmp_path, now=late) == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_before_something_is_saved(tmp_path):
    run = AutosaveRun(tmp_path / "autosave")
    assert find_unsaved(tmp_path / "autosave") == []
    assert not (tmp_path / "autosave").exists()
    path = run.write(run.new_path(), example())
    run.forget(path)
    run.close()
    assert find_unsaved(tmp_path / "autosave") == []
    assert list((tmp_path / "autosave").iterdir()) == []
