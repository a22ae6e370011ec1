"""The report of a training: readable by people, whole or not at all, whatever was measured."""

from __future__ import annotations

import base64
import errno
import io
import math
import re
import sys
import warnings
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from skimage.io import imread

from napari_inpaintaff.errors import OutputError
from napari_inpaintaff.inpainting import InpainterMetadata
from napari_inpaintaff.inpainting.quality import NearHoleError, Verdict, judge
from napari_inpaintaff.inpainting.updates import InpaintingExamples, TrainingPoint
from napari_inpaintaff.networks import UNetArchitecture
from napari_inpaintaff.pipeline.training_picture import draw_training, gaussian_level
from napari_inpaintaff.pipeline.training_report import write_training_report

ARCHITECTURE = UNetArchitecture("plain", (4, 4), stem=2)
SIZE = 32
#: Colours of the picture, as far as a test looks for them; red, green, blue.
BLUE, GREEN, BROWN = (0.45, 0.60, 0.82), (0x2E, 0x7D, 0x32), (0xB3, 0x54, 0x1E)


def quality(ratio: float, nll: float | None = 0.5) -> NearHoleError:
    """An error of this fraction of the constant prior's; Gaussian filtering reaches 0.6."""
    return NearHoleError(0.5 * ratio, nll, 0.5, 1.2, 0.3, 0.9)


def history(*ratios: float, nll: float | None = 0.5) -> list[TrainingPoint]:
    return [
        TrainingPoint(40 * step, 30.0 * step, 1 / step, quality(ratio, nll))
        for step, ratio in enumerate(ratios, start=1)
    ]


def examples(count: int) -> InpaintingExamples:
    """Bright images whose left half was seen and whose next 8 columns are asked for."""
    image = np.broadcast_to(np.linspace(0, 2, SIZE, dtype=np.float32), (count, SIZE, SIZE)).copy()
    known = np.zeros(image.shape, bool)
    known[..., : SIZE // 2] = True
    asked = np.zeros(image.shape, bool)
    asked[..., SIZE // 2 : SIZE // 2 + 8] = True
    return InpaintingExamples(image, known, asked, image * 0.9)


RECORD = {
    "steps": 120,
    "images": 7,
    "near_hole_l1": 0.15,
    "near_hole_nll": 0.5,
    "near_hole_prior_l1": 0.5,
    "near_hole_prior_nll": 1.2,
    "near_hole_gaussian_l1": 0.3,
    "near_hole_gaussian_nll": 0.9,
}


def metadata(name: str = "my-cells", **training: object) -> InpainterMetadata:
    return InpainterMetadata(name, ARCHITECTURE, "linear", 31.0, dict(training))


def write(path: Path, **changes: object) -> Path:
    points = history(1.2, 0.5, 0.3)
    report = {
        "metadata": metadata(**RECORD),
        "history": points,
        "examples": examples(6),
        "verdict": judge(points[-1].quality),
    }
    return write_training_report(path, **(report | changes))


def count_pixels(png: Path | bytes, colour: tuple[float, ...]) -> int:
    """Count the pixels of this colour, given in [0, 1] or as bytes."""
    pixels = imread(io.BytesIO(png) if isinstance(png, bytes) else png)[..., :3].astype(float)
    target = np.array(colour) * (255 if max(colour) <= 1 else 1)
    return int((np.abs(pixels - target).max(axis=-1) < 3).sum())


class Page(HTMLParser):
    """Collects texts, tables and images, and checks that every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.sources: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.sources.append(dict(attributes)["src"])
        if tag == "tr":
            self.rows.append([])
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1].append(data)


def test_png_is_one_picture_with_curves_examples_and_verdict(tmp_path):
    pixels = imread(write(tmp_path / "report.png"))
    assert pixels.shape[1] > 1400
    assert pixels.shape[0] > 1000
    without = imread(write(tmp_path / "without.png", examples=None))
    assert without.shape[1] == pixels.shape[1]
    assert without.shape[0] < pixels.shape[0] / 2


def test_title_is_green_only_when_ready(tmp_path):
    for ratio, present, absent in ((0.3, GREEN, BROWN), (0.9, BROWN, GREEN)):
        points = history(ratio)
        path = write(tmp_path / "a.png", history=points, verdict=judge(points[-1].quality))
        assert count_pixels(path, present) > 200
        assert count_pixels(path, absent) == 0


def test_hidden_pixels_are_flat_blue_and_none_is_blue_when_all_are_known():
    points, verdict = history(0.3), Verdict(True, "ready")
    shown = examples(4)
    some = count_pixels(draw_training(points, shown, verdict), BLUE)
    everything = replace(shown, known=np.ones_like(shown.known))
    assert count_pixels(draw_training(points, everything, verdict), BLUE) == 0
    # Half of what was seen and a quarter of what was predicted, of squares of one side.
    alone = replace(shown, asked=np.zeros_like(shown.asked))
    assert count_pixels(draw_training(points, alone, verdict), BLUE) == pytest.approx(
        some * (1 / 2 + 1 / 2) / (1 / 2 + 1 / 4), rel=0.1
    )


def test_page_is_whole_and_says_the_figures(tmp_path):
    text = write(tmp_path / "report.html").read_text(encoding="utf8")
    page = Page(text)
    assert page.open == []
    assert "Predicts cell interiors 3.3 times better than a constant: ready." in page.texts
    assert ["this inpainter", "30 %", "0.150", "0.50"] in page.rows
    assert ["Gaussian filter", "60 %", "0.300", "0.90"] in page.rows
    assert ["constant", "100 %", "0.500", "1.20"] in page.rows
    assert ["steps", "120"] in page.rows
    assert ["cell diameter", "31 px"] in page.rows
    assert not {"left out", "ended"} & {row[0] for row in page.rows}
    (source,) = page.sources
    picture = base64.b64decode(source.removeprefix("data:image/png;base64,"))
    assert imread(io.BytesIO(picture)).shape[1] > 1400
    assert not re.search(r"https?://", text)


def test_what_was_skipped_or_stopped_is_said(tmp_path):
    described = metadata(skipped=3, stopped=True)
    rows = Page(write(tmp_path / "r.html", metadata=described).read_text(encoding="utf8")).rows
    assert ["left out", "3 unusable images"] in rows
    assert ["ended", "stopped before its time"] in rows


def test_texts_of_the_user_are_escaped_and_never_read_as_formulas(tmp_path):
    described = metadata("a<b>&$x_{$", data="<script>alert(1)</script> $\\frac$")
    text = write(tmp_path / "r.html", metadata=described).read_text(encoding="utf8")
    assert ["data", "<script>alert(1)</script> $\\frac$"] in Page(text).rows
    assert "<script>" not in text
    assert "<b>" not in text
    assert imread(write(tmp_path / "r.png", metadata=described)).std() > 5


def test_name_in_another_script_gives_no_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write(tmp_path / "r.png", metadata=metadata("細胞"))


@pytest.mark.parametrize(
    "changes",
    [
        {"history": []},
        {"history": history(0.3)},
        {"history": history(0.5, 0.3, nll=None)},
        {"history": [TrainingPoint(1, 0.0, math.nan, NearHoleError(0, 0, 0, 0, 0, 0))]},
        {"history": history(*np.geomspace(50, 0.3, 60))},
        {"examples": examples(1)},
        {"examples": examples(9)},
        {"examples": replace(examples(2), image=np.full((2, SIZE, SIZE), np.nan, np.float32))},
        {"metadata": metadata(loss="liu2018")},
    ],
    ids=["empty", "one", "l1", "background", "many", "one example", "nine", "NaN", "liu2018"],
)
def test_any_training_can_be_reported(tmp_path, changes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = write(tmp_path / "report.PNG", **changes)
    assert path.stat().st_size > 10_000
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_recorded_error_is_read_with_its_gaps():
    assert NearHoleError.from_record(RECORD) == NearHoleError(0.15, 0.5, 0.5, 1.2, 0.3, 0.9)
    unknown = {"near_hole_nll": None, "near_hole_gaussian_nll": None}
    gaps = NearHoleError.from_record({**RECORD, **unknown})
    assert gaps.nll is None
    assert math.isnan(gaps.gaussian_nll)
    assert math.isnan(NearHoleError.from_record({}).ratio)
    assert not judge(NearHoleError.from_record({})).ready


def test_gaussian_level_is_relative_to_the_constant():
    assert gaussian_level(quality(0.3)) == pytest.approx(0.6)
    assert math.isnan(gaussian_level(NearHoleError(0, None, 0, 0, 0, 0)))


@pytest.mark.parametrize(
    ("name", "reason"), [("report.pdf", r"\.png or \.html"), ("no/report.png", "no folder")]
)
def test_report_that_cannot_be_written(tmp_path, name, reason):
    with pytest.raises(OutputError, match=reason):
        write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_full_disk_leaves_the_earlier_report(tmp_path, monkeypatch):
    path = write(tmp_path / "report.html")
    before = path.read_bytes()

    def fail(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OutputError, match="disk is full"):
        write(path, verdict=Verdict(False, "other"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_drawing_leaves_the_state_of_matplotlib_alone(tmp_path):
    already = "matplotlib.pyplot" in sys.modules
    write(tmp_path / "a.png")
    assert ("matplotlib.pyplot" in sys.modules) == already
