"""Open the files of ``inpaintaff demo`` in napari, beside the dock widget.

``python -m napari_inpaintaff.widgets.open_demo IMAGE AFFINITIES LABELS``
"""

from __future__ import annotations

import sys
from pathlib import Path

import napari

from napari_inpaintaff.images import read_affinities, read_image, read_labels
from napari_inpaintaff.widgets.affinity_colours import affinity_colours
from napari_inpaintaff.widgets.results import ResultLayers


def open_demo(image: Path, affinities: Path, labels: Path) -> napari.Viewer:
    """Show a result as a run of the dock widget would.

    Parameters
    ----------
    image, affinities, labels : Path
        Files that the command wrote; affinities as ``.npz``.

    Returns
    -------
    napari.Viewer
        With the image, its affinities and labels, and the dock widget "Separate cells".
    """
    viewer = napari.Viewer()
    source = viewer.add_image(read_image(image).data, name="nuclei")
    result = ResultLayers(viewer, source, ())
    result.show_affinities(affinity_colours(read_affinities(affinities)), (0, 0))
    result.show_labels(read_labels(labels))
    viewer.layers.selection.active = source
    viewer.window.add_plugin_dock_widget("napari-inpaintaff", "Separate cells")
    return viewer


if __name__ == "__main__":
    open_demo(*map(Path, sys.argv[1:]))
    napari.run()
