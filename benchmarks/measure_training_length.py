"""SEG against the quality of the inpainter: the same network, trained for longer and longer.

    python benchmarks/measure_training_length.py [--steps 60 250 1000 4000] [--plot FILE.png]

Wolf et al. 2020, section 5: "less accurate inpainting networks indeed yield a significantly
worse segmentation result". Every length is a training of its own from scratch, as a user
would run it; ``--model`` adds models that were trained before.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from dense_crops import baseline_scores, dense_crops, inpainting_error, separation_score
from development_data import DATA_SETS
from napari_inpaintaff.inpainting import (
    ARCHITECTURES,
    Inpainter,
    InpainterTraining,
    train_inpainter,
)
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.networks import Schedule
from training_data import unlabelled_planes


@dataclass(frozen=True)
class Point:
    """One inpainter."""

    name: str
    ratio: float
    seg: float


def main() -> None:
    options = _parse()
    crops = dense_crops(options.crops, options.set)
    components, watershed = baseline_scores(crops)
    print(f"SEG of components {components:.3f}, of the watershed {watershed:.3f}")
    print(f"{'training':>24}{'minutes':>9}{'L1/prior':>10}{'NLL':>8}{'SEG':>8}", flush=True)
    models = [train(steps, options) for steps in options.steps]
    models += [Inpainter.load(name) for name in options.model]
    points = []
    for inpainter in models:
        near = inpainting_error(inpainter, options.set)
        seg = separation_score(inpainter, crops)
        record = inpainter.metadata.training
        points.append(Point(f"{inpainter.metadata.name}", near.ratio, seg))
        print(
            f"{inpainter.metadata.name:>24}{record['minutes']:9.1f}{near.ratio:10.3f}"
            f"{near.nll:8.3f}{seg:8.3f}",
            flush=True,
        )
    if options.plot:
        draw(points, components, options.plot)


def train(steps: int, options: argparse.Namespace) -> Inpainter:
    """Train from scratch for a number of steps."""
    training = InpainterTraining(ARCHITECTURES[options.config], Schedule(steps=steps))
    updates = train_inpainter(unlabelled_planes(), training, name=f"{steps} steps")
    return Job(updates, name=f"{steps} steps").run()


def draw(points: list[Point], components: float, path: Path) -> None:
    """Draw SEG against the near-hole error."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot([p.ratio for p in points], [p.seg for p in points], "o-", color="#2b6cb0")
    for point in points:
        axes.annotate(
            point.name,
            (point.ratio, point.seg),
            textcoords="offset points",
            xytext=(-4, 8),
            ha="right",
        )
    axes.axhline(components, color="grey", linestyle="--")
    axes.annotate("connected components", (points[-1].ratio, components), xytext=(0, 4),
                  textcoords="offset points", color="grey", ha="right")  # fmt: skip
    axes.invert_xaxis()
    axes.margins(0.18)
    axes.set_xlabel("near-hole error, relative to the constant prior (better →)")
    axes.set_ylabel("SEG with the true foreground")
    figure.savefig(path, dpi=120)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, nargs="*", default=[60, 250, 1000, 4000])
    parser.add_argument("--model", nargs="*", default=["nuclei-small"])
    parser.add_argument("--config", choices=ARCHITECTURES, default="small")
    parser.add_argument("--set", nargs="+", choices=DATA_SETS, default=list(DATA_SETS))
    parser.add_argument("--crops", type=int, default=2, help="windows of every data set")
    parser.add_argument("--plot", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
