"""The engine of the widget with a foreground that takes long: it tells, and can be left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from napari.layers import Image

from generators import finish
from napari_inpaintaff.foreground import foreground_probability, threshold
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.inpainting import Inpainter, InpainterMetadata
from napari_inpaintaff.jobs import Cancelled, Job, JobState, Progress
from napari_inpaintaff.networks import UNetArchitecture, build_unet
from napari_inpaintaff.separation import SEPARATION_MODES, SeparationParameters
from napari_inpaintaff.widgets.core_engine import CoreEngine
from napari_inpaintaff.widgets.planes import current_plane
from napari_inpaintaff.widgets.settings import LabelSettings, NetworkSettings, SeparationRequest

PLAIN = UNetArchitecture("plain", (8, 8), stem=2)
IMAGE = simulate_dense_nuclei(shape=(96, 96), seed=1)[0]
REGION = (slice(8, 40), slice(8, 40))


@pytest.fixture
def request_iem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SeparationRequest:
    quick = SeparationParameters(stride=64, iterations=1)
    monkeypatch.setitem(SEPARATION_MODES, "draft", quick)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        inpainter = Inpainter(build_unet(PLAIN), InpainterMetadata("tiny", PLAIN), device="cpu")
    model = str(inpainter.save(tmp_path / "tiny.safetensors"))
    return SeparationRequest(
        plane=current_plane(Image(IMAGE), (0.0, 0.0)),
        region=REGION,
        foreground="iem",
        network=NetworkSettings(model, diameter=25.0, quality="draft", seed=0, device="cpu"),
        labels=LabelSettings(alpha=1.5, minimum_size=0),
    )


def test_the_labels_cover_what_iem_finds(request_iem: SeparationRequest) -> None:
    engine = CoreEngine()
    _, separation = finish(engine.separate(request_iem, None))
    labelling = engine.label(separation, "iem", request_iem.labels)
    expected = threshold(foreground_probability(IMAGE, "iem", device="cpu"))
    np.testing.assert_array_equal(labelling.labels[REGION] > 0, expected[REGION])
    assert labelling.missing == 0


def test_cancel_acts_while_the_foreground_is_searched(request_iem: SeparationRequest) -> None:
    seen: list[object] = []

    def cancel(update: object) -> None:
        seen.append(update)
        if isinstance(update, Progress) and "inpainting" in update.message and update.total:
            job.cancel()

    job = Job(CoreEngine().separate(request_iem, None), on_update=cancel)
    with pytest.raises(Cancelled):
        job.run()
    assert job.state is JobState.CANCELLED
    assert all(isinstance(update, Progress) for update in seen)
    assert torch.is_grad_enabled()
