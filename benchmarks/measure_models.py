"""The table of docs/models.md: size, near-hole error and SEG of inpainters.

    python benchmarks/measure_models.py [--model NAME|FILE ...] [--crops 4]

The near-hole error is measured on the labelled development images, none of which the shipped
models were trained on; SEG on dense windows of 192 x 192 pixels of them with the true
foreground, beside connected components and a distance-transform watershed in the same run.
"""

from __future__ import annotations

import argparse
import time

from dense_crops import baseline_scores, dense_crops, inpainting_error, separation_score
from development_data import DATA_SETS
from napari_inpaintaff.inpainting import Inpainter, available_inpainters, find_inpainter


def main() -> None:
    options = _parse()
    crops = {data_set: dense_crops(options.crops, [data_set]) for data_set in options.set}
    print(f"{'':28}{'MB':>6}{'data set':>18}{'L1/prior':>10}{'NLL':>8}{'SEG':>8}{'seconds':>9}")
    for data_set, windows in crops.items():
        components, watershed = baseline_scores(windows)
        print(f"{'components':28}{'':6}{data_set:>18}{'':18}{components:8.3f}")
        print(f"{'watershed':28}{'':6}{data_set:>18}{'':18}{watershed:8.3f}", flush=True)
    for model in options.model:
        inpainter = Inpainter.load(model, device=options.device)
        size = find_inpainter(model).stat().st_size / 1e6
        for data_set, windows in crops.items():
            near = inpainting_error(inpainter, [data_set])
            start = time.perf_counter()
            seg = separation_score(inpainter, windows, alpha=options.alpha)
            nll = "" if near.nll is None else f"{near.nll:.3f}"
            print(
                f"{inpainter.metadata.name:28}{size:6.1f}{data_set:>18}{near.ratio:10.3f}{nll:>8}"
                f"{seg:8.3f}{time.perf_counter() - start:9.1f}",
                flush=True,
            )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    names = [entry.name for entry in available_inpainters()]
    parser.add_argument("--model", nargs="+", default=names, help="by default all that are found")
    parser.add_argument("--set", nargs="+", choices=DATA_SETS, default=list(DATA_SETS))
    parser.add_argument("--crops", type=int, default=4, help="windows of every data set")
    parser.add_argument("--alpha", type=float, default=1.5)
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


if __name__ == "__main__":
    main()
