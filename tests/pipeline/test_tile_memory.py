"""Memory is estimated before it is taken, and a budget is kept."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_inpaintaff.errors import DeviceError, ParameterError
from napari_inpaintaff.pipeline.tasks import Pool
from napari_inpaintaff.pipeline.tiled import ImageArray, segment_tiled
from napari_inpaintaff.pipeline.tiled.memory import fitting_tile, needed_memory
from napari_inpaintaff.pipeline.tiled.tiles import CHUNK, TILE

PLANE = (16384, 16384)


@given(st.floats(2.5, 64), st.integers(1, 16), st.booleans())
def test_the_largest_tile_that_fits_is_chosen(gib, workers, processes):
    def needed(side):
        return needed_memory(side, PLANE, workers, processes=processes)

    if needed(CHUNK) > gib * 2**30:
        with pytest.raises(ParameterError, match="fewer workers"):
            fitting_tile(gib, PLANE, workers, processes=processes)
        return
    side = fitting_tile(gib, PLANE, workers, processes=processes)
    assert side % CHUNK == 0
    assert needed(side) <= gib * 2**30
    assert side == TILE or needed(side + CHUNK) > gib * 2**30


def test_too_little_memory_for_any_tile_is_told():
    with pytest.raises(ParameterError, match=r"give at least 2\.0"):
        fitting_tile(1.0, PLANE)


def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_inpaintaff.pipeline.tiled.memory.available_memory", lambda: 2**30)
    image = ImageArray(np.zeros((5000, 5000), np.uint8))
    for pool in (Pool(), Pool("processes", 2)):
        with pytest.raises(DeviceError, match="smaller tiles"):
            segment_tiled(image, tmp_path / "cells.tif", pool=pool)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="peaks of memory are asked for as on Unix")
def test_a_plane_of_many_tiles_keeps_to_its_budget(tmp_path):
    script = """
        import resource, sys
        import dask.array as da
        import numpy as np
        from pathlib import Path
        from napari_inpaintaff.images import simulate_dense_nuclei
        from napari_inpaintaff.pipeline.tiled import ImageArray, Recipe, segment_tiled
        from napari_inpaintaff.pipeline.tiled.memory import fitting_tile

        block = simulate_dense_nuclei(shape=(1024, 1024), seed=0, coverage=0.3)[0]
        image = da.tile(da.from_array(block, chunks=512), (3, 3))
        side = fitting_tile(float(sys.argv[2]), image.shape)
        recipe = Recipe(model="nuclei-student", device="cpu")
        segment_tiled(ImageArray(image), Path(sys.argv[1]), recipe=recipe, tile=side)
        unit = 2**20 if sys.platform != "darwin" else 2**30
        print(side, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
    """
    budget = 1.4
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "cells.zarr")]
    done = subprocess.run([*command, str(budget)], capture_output=True, text=True, check=True)
    side, peak = done.stdout.split()
    assert int(side) == TILE
    assert float(peak) < budget
