"""The command that compares labels with a ground truth: evaluate."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_inpaintaff.cli.matching import label_files, match_files
from napari_inpaintaff.cli.options import Commands, add_command
from napari_inpaintaff.errors import ImageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Of the paper's figure 5.
_IOU_LEVELS = tuple(0.5 + 0.05 * k for k in range(10))


def add_commands(commands: Commands) -> None:
    """Add evaluate."""
    command = add_command(
        commands,
        "evaluate",
        run_evaluate,
        "SEG, detections and errors of labels against a ground truth",
        "Both are label images, stacks of the same frames, or folders whose files are matched by "
        "name, else by the last number in the name, else in their order. SEG is that of the Cell "
        "Tracking Challenge: the mean over all reference objects of all frames.",
    )
    command.add_argument("labels", metavar="LABELS", type=Path)
    command.add_argument("ground_truth", metavar="GROUND_TRUTH", type=Path)
    command.add_argument(
        "--markers",
        metavar="MARKERS",
        type=Path,
        help="markers of the tracking truth (image or folder): print DET, too",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run_evaluate(options: argparse.Namespace) -> None:
    """Print SEG, detections, and kinds of errors."""
    from napari_inpaintaff.evaluation import det_score, evaluate

    result = evaluate(_frames(options.labels, options.ground_truth))
    values: dict[str, Any] = {
        "seg": result.seg,
        "objects": result.objects,
        "reference_objects": result.reference_objects,
        "matches": result.matches,
        "precision": result.precision,
        "recall": result.recall,
        "f1": result.f1,
        "average_precision": result.average_precision(),
        "detection_accuracy": {
            f"{level:.2f}": result.detection_accuracy(level) for level in _IOU_LEVELS
        },
        "split_references": result.split_references,
        "merged_references": result.merged_references,
        "variation_of_information": result.variation_of_information,
        "split_information": result.split_information,
        "merged_information": result.merged_information,
        "frames": result.frames,
    }
    if options.markers:
        values["det"] = det_score(_frames(options.labels, options.markers))
    if options.json:
        print(json.dumps(values))
        return
    print(f"SEG                {result.seg:.4f}")
    if options.markers:
        print(f"DET                {values['det']:.4f}")
    print(f"objects            {result.objects}")
    print(f"reference objects  {result.reference_objects}")
    print(
        f"matches            {result.matches} (IoU above 0.5; precision {result.precision:.3f}, "
        f"recall {result.recall:.3f}, F1 {result.f1:.3f})"
    )
    print(f"average precision  {result.average_precision():.4f} (IoU above 0.5)")
    accuracies = "  ".join(f"{result.detection_accuracy(level):.2f}" for level in _IOU_LEVELS)
    print(f"found at IoU above {'  '.join(f'{level:.2f}'[1:].rjust(4) for level in _IOU_LEVELS)}")
    print(f"                   {accuracies}")
    print(f"split, merged      {result.split_references}, {result.merged_references}")
    print(
        f"information        {result.variation_of_information:.3f} bits "
        f"({result.split_information:.3f} by splits, {result.merged_information:.3f} by merges)"
    )
    print(f"frames             {result.frames}")


def _frames(
    labels: Path, ground_truth: Path
) -> Iterator[tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]]:
    """Read the frames one file after the other."""
    from napari_inpaintaff.images import read_labels

    if labels.is_dir() != ground_truth.is_dir():
        raise ImageError("give two label images or two folders, not one of each")
    if labels.is_dir():
        pairs = match_files(label_files(labels), label_files(ground_truth))
    else:
        pairs = [(labels, ground_truth)]
    for label_path, truth_path in pairs:
        found, truth = read_labels(label_path), read_labels(truth_path)
        if found.shape != truth.shape:
            raise ImageError(
                f"{label_path} has the shape {found.shape}, but {truth_path} {truth.shape}"
            )
        size = found.shape[-2:]
        yield from zip(found.reshape(-1, *size), truth.reshape(-1, *size), strict=True)
