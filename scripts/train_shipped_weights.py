"""Train the inpainters that are shipped with the package, and write their model cards.

    .venv/bin/python scripts/train_shipped_weights.py DATA [--models NAME ...] [--minutes M]

DATA is a folder that holds the unlabelled images in ``BBBC039/unlabelled`` (Broad Bioimage
Benchmark Collection, U2OS nuclei, 16 bit) and ``DSB2018/unlabelled`` (BBBC038, fluorescence nuclei
of the Data Science Bowl 2018), as TIFF. Both sets are CC0: weights trained on anything else must
not be shipped. No label is read.

For each of the models it writes NAME.safetensors and the model card NAME.md into
``src/napari_inpaintaff/inpainting/weights``. With ``--continue`` the training starts from the
weights that are there. A training that was killed is resumed from its checkpoint, which lies
beside the model file until the training is finished. Only a number of steps is reproducible, and
only on one kind of machine with one number of threads; minutes depend on its speed.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from napari_inpaintaff.errors import InpaintAffError
from napari_inpaintaff.images import Plane, check_writable, gather_planes
from napari_inpaintaff.inpainting import (
    ARCHITECTURES,
    Inpainter,
    InpainterTraining,
    TrainingUpdate,
    budget,
    checkpoint_path,
    model_card,
    train_inpainter,
)
from napari_inpaintaff.jobs import Job, Progress


@dataclass(frozen=True)
class Model:
    """One of the shipped inpainters.

    Attributes
    ----------
    architecture : str
        One of `ARCHITECTURES`.
    batch : int
        Crops per step: on a CPU the widest network learns faster from many small batches.
    dtype : type
        Precision of the weights in the file.
    """

    architecture: str
    batch: int = 32
    dtype: type[np.float32 | np.float16] = np.float32


MODELS = {
    "nuclei-small": Model("small"),
    "nuclei-pconv": Model("pconv"),
    "nuclei-paper": Model("paper", batch=8, dtype=np.float16),
}
FOLDERS = ("BBBC039/unlabelled", "DSB2018/unlabelled")
NOTES = {
    "licence": "CC0",
    "source": "Broad Bioimage Benchmark Collection (Caicedo et al. 2019, "
    "doi 10.1002/cyto.a.23863; Data Science Bowl 2018)",
}
WEIGHTS = Path(__file__).parents[1] / "src" / "napari_inpaintaff" / "inpainting" / "weights"


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", metavar="DATA", type=Path)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=30.0, help="of each model (default 30)")
    length.add_argument("--steps", type=int)
    parser.add_argument(
        "--continue",
        dest="go_on",
        action="store_true",
        help="start from the present weights, with half the learning rate",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="folder to write to")
    return parser.parse_args()


def read_planes(data: Path) -> tuple[list[Plane], str]:
    """Gather all training images; and say in words how many from where."""
    planes: list[Plane] = []
    counts = []
    for folder in FOLDERS:
        found = gather_planes([data / folder])
        planes += found.planes
        counts.append(f"{len(found.planes)} of {Path(folder).parent}")
    return planes, f"fluorescence nuclei, without labels: {' and '.join(counts)}"


def train(name: str, planes: list[Plane], data: str, options: argparse.Namespace) -> None:
    """Train one model and write its file and card."""
    model, path = MODELS[name], options.output / f"{name}.safetensors"
    check_writable(path)
    start = Inpainter.load(path, device=options.device) if options.go_on else None
    minutes = None if options.steps is not None else options.minutes
    schedule = budget(steps=options.steps, minutes=minutes, fine_tuning=options.go_on)
    updates = train_inpainter(
        planes,
        InpainterTraining(
            ARCHITECTURES[model.architecture], schedule, batch=model.batch, seed=options.seed
        ),
        name=name,
        notes={"data": data, **NOTES},
        device=options.device,
        start_from=start,
        checkpoint=checkpoint_path(path),
        resume=checkpoint_path(path).exists(),
    )
    inpainter = follow(updates, name)
    inpainter.save(path, dtype=model.dtype)
    checkpoint_path(path).unlink(missing_ok=True)
    path.with_suffix(".md").write_text(model_card(inpainter.metadata), encoding="utf-8")
    record = inpainter.metadata.training
    print(
        f"{path}: {record['steps']} steps, near-hole error {record['near_hole_l1']}, "
        f"{record['near_hole_l1_over_prior']} of the constant prior's"
    )


def follow(updates: Any, name: str) -> Inpainter:
    """Draw a progress bar of a training and return its result."""
    layout = "{desc} {percentage:3.0f}% |{bar}|{postfix}"
    with tqdm(desc=name, total=100, bar_format=layout) as bar:

        def show(update: Progress | TrainingUpdate) -> None:
            if isinstance(update, TrainingUpdate):
                bar.n = round(100 * update.progress)
                bar.set_postfix(
                    step=update.step,
                    loss=f"{update.loss:.3f}",
                    minutes=f"{update.seconds_left / 60:.0f}",
                )

        result: Inpainter = Job(updates, on_update=show, name=name).run()
        return result


def main() -> None:
    """Train all chosen models."""
    options = parse_options()
    try:
        planes, data = read_planes(options.data)
        options.output.mkdir(parents=True, exist_ok=True)
        for name in options.models:
            train(name, planes, data, options)
    except InpaintAffError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
