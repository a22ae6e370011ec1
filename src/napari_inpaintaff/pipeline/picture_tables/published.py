"""What the publications report, in per cent."""

from __future__ import annotations

from napari_inpaintaff.pipeline.picture_tables.picture_sets import CARS, CUB, FLOWERS

Row = tuple[float | None, float | None, float | None, float | None]

#: Savarese et al. 2021, Tables 1 to 3: accuracy, IoU, mIoU, Dice.
IEM_TABLES: dict[str, dict[str, Row]] = {
    FLOWERS: {
        "GrabCut": (82.0, 69.2, 70.0, 79.1),
        "ReDO": (87.9, 76.4, None, None),
        "IEM": (88.3, 76.8, 79.0, 84.6),
        "IEM + network": (89.6, 78.9, 80.8, 86.0),
    },
    CUB: {
        "GrabCut": (72.3, 36.0, 52.3, 48.7),
        "PerturbGAN": (None, None, 38.0, None),
        "ReDO": (84.5, 42.6, None, None),
        "IEM": (88.6, 52.2, 69.6, 66.0),
        "IEM + network": (89.3, 55.1, 71.4, 68.7),
    },
    CARS: {
        "GrabCut": (69.1, 57.6, 53.4, 71.8),
        "PerturbGAN": (None, None, 54.0, None),
        "IEM": (76.2, 65.1, 61.5, 78.1),
        "IEM + network": (77.8, 68.5, 63.2, 80.5),
    },
}

#: The same, Table 4: IoU.
IEM_ABLATIONS: dict[str, dict[str, float]] = {
    "IEM": {CUB: 52.2, FLOWERS: 76.8},
    "no regularisation": {CUB: 50.6, FLOWERS: 68.0},
    "no smoothing": {CUB: 47.0, FLOWERS: 75.7},
    "updates everywhere": {CUB: 42.8, FLOWERS: 76.6},
}

#: Chen et al. 2019, Table 1: train accuracy, train IoU, test accuracy, test IoU.
REDO_TABLE: dict[str, Row] = {
    "LFW": (None, None, 91.7, 78.1),
    CUB: (84.0, 42.3, 84.5, 42.6),
    FLOWERS: (88.6, 78.0, 87.9, 76.4),
    "Flowers+LFW": (None, None, 85.6, 69.1),
}

#: Bielski and Favaro 2019, Table 1, LSUN Car: mIoU and that of the full mask at 64 and 128 pixels.
PERTURBGAN_ABLATIONS: dict[str, Row] = {
    "(a) default": (68.5, 44.0, 53.3, 43.2),
    "(b) no shift": (3.9, 42.8, 2.5, 41.9),
    "(c) 25 % shift": (14.4, 43.4, 9.4, 42.6),
    "(d) contrast jitter of the background": (76.5, 45.4, 67.3, 43.6),
    "(e) no random crops": (26.4, 37.4, 13.6, 36.5),
    "(f) mask size 10": (73.3, 44.3, 64.3, 43.0),
    "(g) single generator": (55.0, 44.6, 48.4, 43.5),
}

#: The same, Table 2, real images of LSUN Car: mIoU where a car was detected, and of all images.
PERTURBGAN_REAL: dict[str, tuple[float, float]] = {
    "PerturbGAN": (54.0, 47.9),
    "full mask": (40.2, 35.7),
}
