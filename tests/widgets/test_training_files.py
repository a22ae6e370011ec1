"""Names of models, and the files of a training through its ends, good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_training_engine import write_checkpoint, write_model
from hypothesis import given
from hypothesis import strategies as st

from napari_inpaintaff.errors import OutputError
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER
from napari_inpaintaff.inpainting.checkpoint import checkpoint_path
from napari_inpaintaff.widgets.model_names import (
    free_name,
    interrupted_names,
    is_own_name,
    model_path,
    name_problem,
    own_names,
)
from napari_inpaintaff.widgets.training_files import (
    forget_training,
    read_interrupted,
    training_files,
)
from napari_inpaintaff.widgets.training_settings import (
    LayerImages,
    TrainingControl,
    TrainingRequest,
    TrainingSettings,
)

SETTINGS = TrainingSettings(
    name="mine",
    minutes=2.0,
    diameter=30.0,
    normalisation="linear",
    start_from=None,
    denoise=True,
    network="small",
    loss="l1",
    vgg=None,
    seed=7,
    device="cpu",
    channel=1,
)
REQUEST = TrainingRequest(SETTINGS, (LayerImages("nuclei", None),), (Path("/data/a.tif"),), False)


@pytest.fixture
def old_checkpoint(model_folder) -> Path:
    """That of a training of the same name, interrupted earlier."""
    model_folder.mkdir(parents=True)
    path = checkpoint_path(model_path("mine"))
    write_checkpoint(path, 3)
    return path


def train(control: TrainingControl, steps: int, end: BaseException) -> None:
    with training_files(REQUEST, control) as checkpoint:
        write_checkpoint(checkpoint, steps)
        raise end


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_names_that_files_cannot_have_are_refused(model_folder):
    for name in ("", "a/b", "a\\b", "c:", "new\nline", ".hidden", "dot.", "x" * 100):
        assert name_problem(name), name
    assert DEFAULT_INPAINTER in name_problem(DEFAULT_INPAINTER)
    assert name_problem(DEFAULT_INPAINTER.upper())
    assert name_problem("mine.checkpoint")
    assert not name_problem("Zellkerne 3, ßµ (40x)")


@given(st.text(max_size=120))
def test_whatever_is_wished_for_gives_a_name_without_problems(wish):
    assert name_problem(free_name(wish, "inpainter")) == ""


def test_proposed_names_are_free(model_folder):
    assert own_names() == []
    model_folder.mkdir(parents=True)
    write_model(model_folder / "Nuclei-inpainter.safetensors")
    write_checkpoint(model_folder / "nuclei-inpainter-2.checkpoint.safetensors", 1)
    assert own_names() == ["Nuclei-inpainter"]
    assert interrupted_names() == ["nuclei-inpainter-2"]
    assert is_own_name("nuclei-INPAINTER")
    assert free_name("nuclei.tif", "inpainter") == "nuclei-inpainter-3"


def test_a_finished_training_can_go_on_until_its_model_is_saved(model_folder):
    with training_files(REQUEST, TrainingControl()) as checkpoint:
        write_checkpoint(checkpoint, 1)
    assert read_interrupted("mine").settings == SETTINGS
    forget_training("mine")
    forget_training("mine")
    assert contents(model_folder) == {}


def test_an_interrupted_training_can_be_read_with_its_settings(model_folder):
    with pytest.raises(KeyboardInterrupt):
        train(TrainingControl(), 5, KeyboardInterrupt())
    found = read_interrupted("mine")
    assert found is not None
    assert found.minutes == pytest.approx(0.5)
    assert found.settings == SETTINGS
    assert found.layers == ("nuclei",)
    assert found.files == (Path("/data/a.tif"),)
    assert read_interrupted("yours") is None


def test_a_damaged_checkpoint_is_not_offered(old_checkpoint):
    assert read_interrupted("mine") is not None
    old_checkpoint.write_bytes(b"half of it")
    assert read_interrupted("mine") is None


def test_unknown_settings_do_not_hide_a_checkpoint(old_checkpoint, model_folder):
    (model_folder / "mine.training.json").write_text('{"settings": {"colour": "red"}}')
    found = read_interrupted("mine")
    assert found is not None
    assert found.settings is None


@pytest.mark.parametrize("discard", [True, False])
def test_discarding_gives_back_an_older_checkpoint(old_checkpoint, model_folder, discard):
    before = contents(model_folder)
    control = TrainingControl()
    if discard:
        control.discard.set()
    with pytest.raises(GeneratorExit):
        train(control, 8, GeneratorExit())
    if discard:
        assert contents(model_folder) == before
    else:
        assert read_interrupted("mine").minutes == pytest.approx(0.8)


def test_a_training_that_fails_at_once_changes_nothing(old_checkpoint, model_folder):
    before = contents(model_folder)
    with pytest.raises(ValueError, match="too small"), training_files(REQUEST, TrainingControl()):
        raise ValueError("too small")
    assert contents(model_folder) == before


def test_a_folder_that_cannot_be_made_is_said_in_one_line(model_folder):
    model_folder.parent.mkdir(parents=True)
    model_folder.write_text("a file where the folder should be")
    with (
        pytest.raises(OutputError, match="cannot be made"),
        training_files(REQUEST, TrainingControl()),
    ):
        pass
