"""The command that shows the main job on the built-in sample: demo."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from napari_inpaintaff.cli.console import follow, print_line, read_count
from napari_inpaintaff.cli.options import Commands, add_command, add_device

_IMAGE, _TRUTH, _LABELS = "image.tif", "ground_truth.tif", "labels.tif"
_AFFINITIES, _PICTURE = "affinities.npz", "picture.png"


def add_commands(commands: Commands) -> None:
    """Add demo."""
    command = add_command(
        commands,
        "demo",
        run_demo,
        "the main job on the built-in sample of dense nuclei",
        "Writes the image and its ground truth, labels, affinities and a picture, and prints SEG. "
        "With a display (and not in continuous integration) it then opens them in napari.",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        type=Path,
        default=Path("demo"),
        help="folder to write to (default demo)",
    )
    command.add_argument("--no-viewer", action="store_true", help="do not open napari in any case")
    add_device(command)


def run_demo(options: argparse.Namespace) -> None:
    """Segment the sample, write everything, print its score, and show it."""
    from napari_inpaintaff.images import check_writable

    folder: Path = options.output
    folder.mkdir(parents=True, exist_ok=True)
    check_writable(folder / _LABELS)
    run_sample(folder, options.device)
    if not options.no_viewer and has_display():
        open_viewer(folder)


def run_sample(folder: Path, device: str) -> None:
    """Segment the built-in sample with default settings.

    Parameters
    ----------
    folder : Path
        Where the image, its ground truth and the results are written.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """
    from napari_inpaintaff.evaluation import evaluate
    from napari_inpaintaff.images import (
        simulate_dense_nuclei,
        write_affinities,
        write_array,
        write_labels,
    )
    from napari_inpaintaff.pipeline import iterate_segmentation
    from napari_inpaintaff.pipeline.picture import save_picture

    image, ground_truth = simulate_dense_nuclei()
    start = time.monotonic()
    result = follow(
        iterate_segmentation(image, foreground="otsu", drafts=False, device=device),
        "segment the sample",
        read_count,
    )
    seconds = time.monotonic() - start
    score = evaluate([(result.labels, ground_truth)])
    write_array(folder / _IMAGE, image)
    write_labels(folder / _TRUTH, ground_truth)
    write_labels(folder / _LABELS, result.labels)
    write_affinities(folder / _AFFINITIES, result.affinities, foreground=result.foreground)
    save_picture(
        folder / _PICTURE, image, result.affinities, result.labels, note=f"SEG {score.seg:.3f}"
    )
    print(f"SEG {score.seg:.3f}: {score.matches} of {score.reference_objects} nuclei matched")
    print(f"{seconds:.1f} s for {image.shape[0]} x {image.shape[1]} pixels")
    print(f"labels, affinities and picture are in {folder.resolve()}")


def has_display() -> bool:
    """Return whether somebody is likely to look at a window of this process."""
    if os.environ.get("CI"):
        return False
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def open_viewer(folder: Path) -> None:
    """Open the files of a demo in napari and wait until the window is closed.

    Parameters
    ----------
    folder : Path
        Where `run_demo` wrote them.
    """
    # In a process of its own: where Qt cannot open a window, it ends the process.
    viewer = [sys.executable, "-m", "napari_inpaintaff.widgets.open_demo"]
    files = [str(folder / name) for name in (_IMAGE, _AFFINITIES, _LABELS)]
    if subprocess.run([*viewer, *files], check=False).returncode:
        print_line(f"warning: napari could not be opened; look at {folder / _PICTURE}")
