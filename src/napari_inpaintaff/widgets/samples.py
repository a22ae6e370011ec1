"""File > Open Sample: images to try the widget on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from napari.utils import progress
from napari.utils.notifications import show_info
from qtpy.QtCore import QCoreApplication, QEventLoop

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import ImageData, simulate_dense_nuclei
from napari_inpaintaff.images.samples import SAMPLES, download_sample
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.widgets.runner import JobRunner

LayerData = tuple[Any, dict[str, Any], str]


def simulated_nuclei() -> list[LayerData]:
    """Make the built-in image of dense nuclei, and its ground truth as a hidden layer."""
    image, labels = simulate_dense_nuclei()
    return [
        (image, {"name": "nuclei"}, "image"),
        (labels, {"name": "nuclei ground truth", "visible": False}, "labels"),
    ]


def hela() -> list[LayerData]:
    """Download a frame of HeLa nuclei, the papers' main data set."""
    return downloaded("Fluo-N2DL-HeLa")


def pancreatic_stem_cells() -> list[LayerData]:
    """Download a frame of pancreatic stem cells in phase contrast."""
    return downloaded("PhC-C2DL-PSC")


def bbbc039() -> list[LayerData]:
    """Download an image of U2OS nuclei."""
    return downloaded("BBBC039")


def downloaded(name: str) -> list[LayerData]:
    """Make an image layer of a sample, downloaded the first time.

    Parameters
    ----------
    name : str
        A key of `SAMPLES`.

    Returns
    -------
    list of layer data
        One image layer with the publisher's pixel size.

    Raises
    ------
    ImageError
        If it cannot be downloaded; the message says why.
    """
    image = _without_freezing(lambda: download_sample(name), SAMPLES[name].title)
    return [(image.data, {"name": name, "scale": image.scale, "units": image.units}, "image")]


def _without_freezing(load: Callable[[], ImageData], title: str) -> ImageData:
    """Load in a worker thread; napari wants the layer when the function returns.

    An event loop of its own keeps the interface alive meanwhile. Without an
    application (in a script) there is nothing to keep alive.
    """
    if QCoreApplication.instance() is None:
        return load()

    def steps() -> Generator[Progress, None, ImageData]:
        yield Progress(0, 0, title)
        return load()

    found: list[ImageData] = []
    failures: list[BaseException] = []
    loop, runner = QEventLoop(), JobRunner()
    runner.succeeded.connect(found.append)
    runner.failed.connect(failures.append)
    runner.finished.connect(loop.quit)
    show_info(f"Opening {title}. The first time it is downloaded.")
    with progress(total=0, desc=f"Opening {title}"):
        runner.start(steps(), name=f"Opening {title}")
        loop.exec_()
    runner.dispose()
    if failures:
        raise failures[0]
    if not found:
        raise ImageError(f"{title} was not opened: the application is closing.")
    return found[0]
