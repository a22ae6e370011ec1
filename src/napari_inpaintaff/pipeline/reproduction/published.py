"""What the papers print: Wolf, Hamprecht and Funke 2020 (arXiv) and BMVC 2020."""

from __future__ import annotations

#: Table 1, SEG. Of rows as this package names them, by the papers' name of the data set.
TABLE1: dict[str, dict[str, float]] = {
    "components + TRUEFG": {"HELA": 0.785, "PANC": 0.748},
    "InpaintAff + TRUEFG": {"HELA": 0.858, "PANC": 0.914},
    "InpaintAff + FGNet50": {"HELA": 0.766, "PANC": 0.666},
}

#: The challenge's own scores in the same table, supervised and on the challenge's secret
#: test videos: (name, SEG).
CHALLENGE: dict[str, tuple[tuple[str, float], ...]] = {
    "HELA": (("HIT-CN", 0.919), ("FR-Ro-GE", 0.903), ("PURD-US", 0.902)),
    "PANC": (("MU-Lux-CZ", 0.715), ("CVUT-CZ", 0.682), ("HD-Hau-GE", 0.665)),
}

#: Labelled cells that FGNet50 was trained on.
FGNET50_INSTANCES = {"HELA": 52, "PANC": 49}

#: Section 3.2: FGNet with so many cells and InpaintAff beat AffNet with ten times as many.
FEW, TIMES = 24, 10
