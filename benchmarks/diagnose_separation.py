"""Sort what the separation loses to a watershed of distances by its cause.

    python benchmarks/diagnose_separation.py -o FOLDER [--sets BBBC039 DSB2018]
        [--student PhC-C2DL-PSC=FILE] [--pictures]

With the true foreground, every object whose score is lower by 0.1 than that of the other method
is sorted by its cause. Both methods have their default settings. Pictures show the worst.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import matplotlib as mpl
import numpy as np
from skimage.segmentation import find_boundaries

from arena.foregrounds import FOREGROUNDS
from arena.frames import DATA_SETS, Contest, contests
from arena.losses import Cause, Labels, losses
from arena.named_files import named_file
from development_data import data_folder
from napari_inpaintaff.partition import (
    PartitionParameters,
    partition,
    partition_outline,
)
from napari_inpaintaff.partition.region_merging import too_many_segments
from napari_inpaintaff.separation import (
    DEFAULT_STUDENT,
    Student,
    compute_student_affinities,
    find_student,
)

mpl.use("Agg")
from matplotlib import pyplot as plt

_HALF = 32
_SHOWN = 6
_TRUTH, _OWN, _OTHER = "white", "#ff8c1a", "#33a0ff"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--sets", nargs="+", choices=DATA_SETS, default=list(DATA_SETS))
    parser.add_argument("--student", nargs="+", type=named_file, default=[], metavar="SET=FILE")
    parser.add_argument("--pictures", action="store_true")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    lines = [
        "| data set | objects | lost | " + " | ".join(cause.value for cause in Cause) + " | won |",
        "| --- " * (len(Cause) + 4) + "|",
    ]
    for contest in contests(data_folder(), options.sets):
        model = dict(options.student).get(contest.data_set) or find_student(DEFAULT_STUDENT)
        lines.append(_diagnose(contest, Student.load(model), options.output, options.pictures))
        print(lines[-1], flush=True)
    (options.output / "losses.md").write_text("\n".join(lines) + "\n", encoding="utf8")


def _diagnose(contest: Contest, student: Student, output: Path, pictures: bool) -> str:
    causes: Counter[Cause] = Counter()
    objects = won = 0
    lost_views, won_views = [], []
    parameters = PartitionParameters("region_merging").at_scale(contest.diameter / 25)
    for place, frame in enumerate(contest.frames):
        image, truth = frame.read()
        mask = FOREGROUNDS["true"](truth, image, contest.diameter, (0, place))
        affinities = compute_student_affinities(
            image, student, wanted=mask, diameter=contest.diameter
        )
        own = partition(affinities, foreground=mask, parameters=parameters)
        other = partition_outline(mask, diameter=contest.diameter)
        fine = too_many_segments(affinities, mask, diameter=contest.diameter)
        objects += len(np.unique(truth[truth > 0]))
        for loss in losses(truth, own, other, fine):
            causes[loss.cause] += 1
            view = (loss.other - loss.own, loss.cause.value, image, truth, own, other, loss.label)
            lost_views.append(view)
        for loss in losses(truth, other, own, other):
            won += 1
            won_views.append((loss.other - loss.own, "", image, truth, own, other, loss.label))
    if pictures:
        _picture(lost_views, output / f"lost-{contest.data_set}.png")
        _picture(won_views, output / f"won-{contest.data_set}.png")
    counts = " | ".join(str(causes[cause]) for cause in Cause)
    return f"| {contest.data_set} | {objects} | {causes.total()} | {counts} | {won} |"


def _picture(views: list, path: Path) -> None:
    """Show the worst: the truth in white, our labels in orange, the watershed's in blue."""
    worst = sorted(views, key=lambda view: -view[0])[:_SHOWN]
    if not worst:
        return
    figure, axes = plt.subplots(3, len(worst), figsize=(2 * len(worst), 6.4), squeeze=False)
    for column, (_, cause, image, truth, own, other, label) in enumerate(worst):
        middle = np.argwhere(truth == label).mean(axis=0).round().astype(int)
        start = np.clip(middle - _HALF, 0, np.maximum(np.array(truth.shape) - 2 * _HALF, 0))
        window = tuple(slice(at, at + 2 * _HALF) for at in start)
        shades = image[window].astype(float)
        low, high = np.percentile(shades, [1, 99.5])
        rows = (("truth", truth, _TRUTH), ("ours", own, _OWN), ("watershed", other, _OTHER))
        for axis, (name, labels, colour) in zip(axes[:, column], rows, strict=True):
            axis.imshow(shades, cmap="gray", vmin=low, vmax=max(high, low + 1))
            _outline(axis, labels[window], colour)
            axis.set_xticks([])
            axis.set_yticks([])
            if column == 0:
                axis.set_ylabel(name, color="black")
        axes[0, column].set_title(
            cause.replace(" from its neighbour", "\nfrom its neighbour").replace(", and", ",\nand"),
            fontsize=7,
        )
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _outline(axis: plt.Axes, labels: Labels, colour: str) -> None:
    border = find_boundaries(labels, mode="inner")
    shown = np.zeros((*border.shape, 4))
    shown[border] = (*mpl.colors.to_rgb(colour), 0.9)
    axis.imshow(shown)


if __name__ == "__main__":
    main()
