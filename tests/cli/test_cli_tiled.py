"""The command line on stacks and large planes: in tiles, and after a kill."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_inpaintaff.images import read_image, read_labels, simulate_dense_nuclei, write_array
from napari_inpaintaff.pipeline.tiled import unfinished_folder

STUDENT = ("--engine", "student", "--device", "cpu")


@pytest.fixture
def film(tmp_path) -> Path:
    """Three frames; the second one is black."""
    frames = [simulate_dense_nuclei(shape=(120, 130), seed=seed)[0] for seed in range(3)]
    frames[1][:] = 0
    return write_array(
        tmp_path / "film.tif",
        np.stack(frames),
        axes="TYX",
        scale=(1.0, 0.5, 0.5),
        units=("second", "micrometer", "micrometer"),
    )


def test_a_black_frame_of_a_film_is_told_and_left_out(run, film, tmp_path):
    outcome = run("segment", film, "-o", tmp_path / "cells.tif", *STUDENT)
    assert outcome.code == 0
    assert outcome.complaints == [
        "inpaintaff: warning: film.tif [t=1] was skipped: empty: every pixel is 0"
    ]
    found = read_image(tmp_path / "cells.tif")
    assert (found.axes, found.scale) == ("TYX", (1.0, 0.5, 0.5))
    counts = [len(np.unique(plane)) - 1 for plane in found.data]
    assert counts[1] == 0 < min(counts[0], counts[2])
    assert (
        outcome.out.splitlines()[0]
        == f"{tmp_path / 'cells.tif'}: {sum(counts)} objects in 2 planes"
    )
    assert not unfinished_folder(tmp_path / "cells.tif").exists()


def test_labels_and_affinities_become_ome_zarr(run, film, tmp_path):
    outcome = run("segment", film, "-o", tmp_path / "cells.zarr", *STUDENT, "--keep-affinities")
    assert outcome.code == 0
    assert read_image(tmp_path / "cells.zarr").axes == "TYX"
    affinities = read_image(tmp_path / "cells_affinities.zarr", channel=2)
    assert (affinities.axes, affinities.scale) == ("TYX", (1.0, 0.5, 0.5))
    known = affinities.data[np.isfinite(affinities.data)]
    assert 0 <= known.min() < known.max() <= 1
    assert outcome.out.splitlines()[-1] == f"{tmp_path / 'cells_affinities.zarr'}: affinities"


def test_a_damaged_frame_of_a_film_is_told_and_left_out(run, film, tmp_path):
    with tifffile.TiffFile(film) as tiff:
        page = tiff.pages[2]
        start, length = page.dataoffsets[0], page.databytecounts[0]
    content = bytearray(film.read_bytes())
    content[start : start + length] = bytes(length)
    film.write_bytes(content)
    outcome = run("segment", film, "-o", tmp_path / "cells.tif", *STUDENT)
    assert outcome.code == 0
    assert [line.split(" was skipped")[0] for line in outcome.complaints] == [
        "inpaintaff: warning: film.tif [t=1]",
        "inpaintaff: warning: film.tif [t=2]",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workers", "2"), "--workers is for"),
        (("--scheduler", "cloud"), "unknown scheduler"),
        (("--tile", "1000"), "multiple of 512"),
        (("--tile", "1024", "--memory", "4"), "leave --tile out"),
        (("--memory", "0.1"), "GiB of memory are too little"),
        (("--save-affinities", "a.npz"), "use --keep-affinities"),
        (("--partition", "distance_watershed", "--keep-affinities"), "no affinities"),
    ],
)
def test_options_that_cannot_work_are_refused(run, film, tmp_path, options, message):
    outcome = run("segment", film, "-o", tmp_path / "cells.tif", *options)
    assert outcome.code == 2
    assert message in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["film.tif"]


def test_unfinished_work_with_other_settings_is_refused_until_told(run, film, tmp_path):
    folder = unfinished_folder(tmp_path / "cells.tif")
    (folder / "records").mkdir(parents=True)
    (folder / "run.json").write_text('{"fingerprint": "of another run"}')
    command = ("segment", film, "-o", tmp_path / "cells.tif", "--partition", "distance_watershed")
    outcome = run(*command)
    assert outcome.code == 2
    assert "--restart" in outcome.err
    assert run(*command, "--restart").code == 0
    assert not folder.exists()


def begin(image: Path, output: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "napari_inpaintaff", "segment", str(image), "-o", str(output)]
    return subprocess.Popen(
        [*command, *STUDENT, *options], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["film", "plane"])
def test_ten_kills_in_a_row_change_no_byte(tmp_path, kind):
    if kind == "film":
        image = np.stack(
            [simulate_dense_nuclei(shape=(200, 220), seed=seed)[0] for seed in range(40)]
        )
        options = ("--keep-affinities",)
    else:
        image = simulate_dense_nuclei(shape=(1100, 1300), seed=1)[0]
        options = ("--tile", "512", "--keep-affinities")
    path = write_array(tmp_path / "image.tif", image, axes="TYX"[-image.ndim :])
    (tmp_path / "one").mkdir()
    assert begin(path, tmp_path / "one" / "cells.tif", *options).wait() == 0
    expected = contents(tmp_path / "one")
    (tmp_path / "killed").mkdir()
    output = tmp_path / "killed" / "cells.tif"
    chance = random.Random(7)
    killed = 0
    while killed < 10:
        process = begin(path, output, *options)
        # Where nothing was begun there is nothing to lose.
        while process.poll() is None and not recorded(output):
            time.sleep(0.02)
        before = recorded(output)
        end = time.monotonic() + chance.uniform(0.0, 4.0)
        # At the latest when something was done: otherwise this would never end.
        while process.poll() is None and time.monotonic() < end and recorded(output) < before + 3:
            time.sleep(0.005)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += 1
    assert killed == 10
    assert begin(path, output, *options).wait() == 0
    assert contents(tmp_path / "killed") == expected


def recorded(output: Path) -> int:
    folder = unfinished_folder(output) / "records"
    return len(list(folder.glob("*.json"))) if folder.is_dir() else 0


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
def test_a_worker_of_a_cluster_dies_and_no_label_changes(tmp_path):
    distributed = pytest.importorskip("distributed")
    image = simulate_dense_nuclei(shape=(1100, 1300), seed=1)[0]
    path = write_array(tmp_path / "image.tif", image)
    assert begin(path, tmp_path / "alone.tif", "--tile", "512").wait() == 0
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with distributed.LocalCluster(n_workers=0, processes=True, dashboard_address=None) as cluster:
        workers = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "distributed.cli.dask_worker",
                    cluster.scheduler_address,
                    "--nthreads",
                    "1",
                    "--no-nanny",
                    "--no-dashboard",
                ],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for _ in range(3)
        ]
        try:
            with distributed.Client(cluster) as client:
                client.wait_for_workers(3)
            output = tmp_path / "together.tif"
            process = begin(path, output, "--tile", "512", "--scheduler", cluster.scheduler_address)
            while process.poll() is None and recorded(output) < 6:
                time.sleep(0.02)
            assert process.poll() is None
            workers[0].kill()
            assert process.wait() == 0, process.stderr.read()
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
    assert np.array_equal(
        read_labels(tmp_path / "together.tif"), read_labels(tmp_path / "alone.tif")
    )
    assert (tmp_path / "together.tif").read_bytes() == (tmp_path / "alone.tif").read_bytes()


def test_combined_channels_of_a_film_are_worked_on_by_processes(run, tmp_path):
    frames = np.stack([simulate_dense_nuclei(shape=(120, 130), seed=seed)[0] for seed in range(2)])
    film = np.stack([frames, frames // 2], axis=1)
    tifffile.imwrite(tmp_path / "film.ome.tif", film, metadata={"axes": "TCYX"})
    command = ("segment", tmp_path / "film.ome.tif", "--channel", "0+1", *STUDENT)
    assert run(*command, "-o", tmp_path / "a.tif").code == 0
    outcome = run(*command, "-o", tmp_path / "b.tif", "--scheduler", "processes", "--workers", "2")
    assert outcome.code == 0
    assert read_labels(tmp_path / "a.tif").max() > 10
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


@pytest.mark.slow
def test_memory_does_not_grow_over_500_frames(tmp_path):
    psutil = pytest.importorskip("psutil")
    frames = np.stack([simulate_dense_nuclei(shape=(96, 96), seed=seed)[0] for seed in range(20)])
    path = write_array(tmp_path / "film.tif", np.tile(frames, (25, 1, 1)), axes="TYX")
    process = begin(path, tmp_path / "cells.tif")
    watched = psutil.Process(process.pid)
    peaks: dict[int, float] = {}
    while process.poll() is None:
        done = recorded(tmp_path / "cells.tif")
        with contextlib.suppress(psutil.NoSuchProcess):
            taken = watched.memory_info().rss / 2**20
            peaks[done // 50] = max(peaks.get(done // 50, 0.0), taken)
        time.sleep(0.1)
    assert process.wait() == 0
    assert max(peaks) >= 9
    # From frame 50 on.
    assert max(peaks[part] for part in peaks if part > 1) < peaks[1] + 16, peaks
