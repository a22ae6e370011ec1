"""Who separates touching cells best? InpaintAff against what everybody would try first.

    python benchmarks/separation.py -o FOLDER [--quick] [--sets BBBC039 DSB2018]
        [--methods METHOD ...] [--foregrounds NAME ...] [--student PhC-C2DL-PSC=FILE]

Methods compete on data sets, each with foregrounds that are true, damaged or found. The frames of
a set are parted at random: on one half settings are tuned, on the other scored (SEG, over all
objects), once for every seed. All get the same cell diameter. A lead is over the tuned watershed
of distances on the same objects; its interval comes from drawing frames with replacement.
What is computed stays in FOLDER, by all that it depends on: the same command again goes on.

"others' image": the affinities of every component of the foreground are those of another one.
What the method loses by that, it has from the image.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from arena.bouts import carry_out, stages
from arena.foregrounds import NAMES
from arena.frames import DATA_SETS, contests
from arena.methods import EVIDENCE, METHODS
from arena.named_files import named_file, named_folder
from arena.plan import Arena
from arena.standings import RIVAL, Standing, standings, table
from development_data import data_folder

_QUICK_FOREGROUNDS = ("true", "dilated 2", "eroded 2", "noisy", "otsu")
_QUICK_EVIDENCE = ("", "student")


def main() -> None:
    options = _parse()
    arena = _arena(options)
    rows: list[Standing] = []
    for contest in contests(data_folder(), options.sets, most=3 if options.quick else options.most):
        for stage in stages(arena, contest):
            carry_out(stage, options.workers)
        rows += standings(arena, contest)
        _write(arena.folder, rows)
    print(table(rows))


def _write(folder: Path, rows: Sequence[Standing]) -> None:
    (folder / "separation.md").write_text(table(rows), encoding="utf8")
    with (folder / "separation.csv").open("w", newline="", encoding="utf8") as file:
        writer = csv.DictWriter(file, list(Standing.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def _arena(options: argparse.Namespace) -> Arena:
    evidence = _QUICK_EVIDENCE if options.quick else ("", *options.evidence)
    methods = options.methods or [
        name for name, method in METHODS.items() if method.evidence in evidence
    ]
    foregrounds = options.foregrounds or (_QUICK_FOREGROUNDS if options.quick else NAMES)
    return Arena(
        options.output,
        tuple(dict.fromkeys((RIVAL, *methods, *(name for name, _ in options.labels)))),
        tuple(foregrounds),
        tuple(range(1 if options.quick else options.seeds)),
        dict(options.model),
        dict(options.student),
        dict(options.labels),
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--quick", action="store_true", help="minutes; its numbers mean little")
    parser.add_argument("--sets", nargs="+", choices=DATA_SETS, default=list(DATA_SETS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, metavar="METHOD")
    parser.add_argument("--evidence", nargs="+", choices=EVIDENCE, default=list(EVIDENCE))
    parser.add_argument("--foregrounds", nargs="+", choices=NAMES)
    parser.add_argument("--model", nargs="+", type=named_file, default=[], metavar="SET=FILE")
    parser.add_argument("--student", nargs="+", type=named_file, default=[], metavar="SET=FILE")
    parser.add_argument(
        "--labels",
        nargs="+",
        type=named_folder,
        default=[],
        metavar="NAME=FOLDER",
        help="label images of another program, as FOLDER/DATA SET/FRAME.tif",
    )
    parser.add_argument("--most", type=int, help="frames of a set")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
