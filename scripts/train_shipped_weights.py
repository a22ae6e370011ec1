"""Train the inpainters that are shipped with the package, and write their model cards.

    .venv/bin/python scripts/train_shipped_weights.py DATA [--minutes M | --steps N]

DATA is a folder that holds the unlabelled images in ``BBBC039/unlabelled`` (Broad Bioimage
Benchmark Collection, U2OS nuclei, 16 bit) and ``DSB2018/unlabelled`` (BBBC038, fluorescence nuclei
of the Data Science Bowl 2018), as TIFF. Both sets are CC0: weights trained on anything else must
not be shipped. No label is read.

For each of nuclei-small and nuclei-pconv it writes NAME.safetensors and the model card NAME.md into
``src/napari_inpaintaff/inpainting/weights``. Only a number of steps is reproducible, and only on
one kind of machine with one number of threads; minutes depend on its speed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from tqdm import tqdm

from napari_inpaintaff.errors import ImageError, InpaintAffError
from napari_inpaintaff.images import check_writable, read_image
from napari_inpaintaff.inpainting import (
    ARCHITECTURES,
    Inpainter,
    InpainterTraining,
    model_card,
    train_inpainter,
)
from napari_inpaintaff.networks import Schedule

MODELS = {"nuclei-small": "small", "nuclei-pconv": "pconv"}
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
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="folder to write to")
    return parser.parse_args()


def read_planes(data: Path) -> tuple[list[NDArray[Any]], str]:
    """Read all training images; and how many from where, in words."""
    planes: list[NDArray[Any]] = []
    counts = []
    for folder in FOLDERS:
        files = sorted((data / folder).glob("*.tif"))
        if not files:
            raise ImageError(f"there is no TIFF in {data / folder}")
        planes += [read_image(file).data for file in files]
        counts.append(f"{len(files)} of {Path(folder).parent}")
    return planes, f"fluorescence nuclei, without labels: {' and '.join(counts)}"


def train(name: str, planes: list[NDArray[Any]], data: str, options: argparse.Namespace) -> None:
    """Train one model and write its file and card."""
    path = options.output / f"{name}.safetensors"
    check_writable(path)
    minutes = None if options.steps is not None else options.minutes
    training = InpainterTraining(
        ARCHITECTURES[MODELS[name]],
        Schedule(steps=options.steps, minutes=minutes),
        seed=options.seed,
    )
    notes = {"data": data, **NOTES}
    updates = train_inpainter(planes, training, name=name, notes=notes, device=options.device)
    inpainter = follow(updates, name)
    inpainter.save(path)
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
        while True:
            try:
                update = next(updates)
            except StopIteration as end:
                result: Inpainter = end.value
                return result
            bar.n = round(100 * update.progress)
            bar.set_postfix(
                step=update.step,
                loss=f"{update.loss:.3f}",
                minutes=f"{update.seconds_left / 60:.0f}",
            )


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
