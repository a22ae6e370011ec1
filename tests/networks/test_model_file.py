"""Model files: round trip, and every kind of damage in one line."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file

from napari_inpaintaff.errors import ModelFileError, OutputError
from napari_inpaintaff.networks import model_file
from napari_inpaintaff.networks.model_file import (
    ModelFile,
    read_model_file,
    read_model_metadata,
    weights_sha256,
    write_model_file,
)

WEIGHTS: dict[str, Any] = {
    "conv.weight": np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32),
    "conv.bias": np.arange(4, dtype=np.float32),
    "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "scalar": np.array(1.5, dtype=np.float32),
}
MODEL = ModelFile("inpainter", {"name": "α", "widths": [1, 2], "nothing": None}, WEIGHTS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_model_file(tmp_path / "model.safetensors", MODEL)


def message_of(path: Path, kind: str = "inpainter", *, whole: bool = True) -> str:
    """Return the error of reading, which has to be one line that names the file."""
    with pytest.raises(ModelFileError) as caught:
        (read_model_file if whole else read_model_metadata)(path, kind)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def rewrite(path: Path, **header: str) -> None:
    """Write the file again with other values in its header."""
    with safe_open(path, framework="np") as file:
        values = {**file.metadata(), **header}
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(weights, path, metadata=values)


def test_round_trip(path: Path) -> None:
    file = read_model_file(path, "inpainter")
    assert file.kind == "inpainter"
    assert file.metadata == MODEL.metadata == read_model_metadata(path, "inpainter")
    assert file.weights.keys() == WEIGHTS.keys()
    for name, value in WEIGHTS.items():
        np.testing.assert_array_equal(file.weights[name], value)
        assert file.weights[name].shape == value.shape


def test_hash_depends_on_names_shapes_and_values() -> None:
    one = {"a": np.zeros(4, np.float32), "b": np.ones(2, np.float32)}
    assert weights_sha256(one) == weights_sha256(dict(reversed(one.items())))
    others = [
        {**one, "a": np.zeros((2, 2), np.float32)},
        {**one, "a": np.zeros(4, np.int32)},
        {**one, "b": np.array([1, 2], np.float32)},
        {"a": one["a"], "c": one["b"]},
    ]
    assert weights_sha256(one) not in [weights_sha256(other) for other in others]


def test_missing_file(tmp_path: Path) -> None:
    assert "there is no model file" in message_of(tmp_path / "nowhere.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    assert "there is no model file" in message_of(tmp_path / "folder.safetensors")


@pytest.mark.parametrize("length", [0, 4, 8, 100, -100, -1])
@pytest.mark.parametrize("whole", [True, False])
def test_truncated_file(path: Path, length: int, whole: bool) -> None:
    path.write_bytes(path.read_bytes()[:length])
    assert "damaged" in message_of(path, whole=whole)


def test_flipped_byte_in_the_weights(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 0x10
    path.write_bytes(content)
    assert "the weights" in message_of(path)


@settings(deadline=None, max_examples=60)
@given(position=st.integers(0, 10_000), value=st.integers(1, 255))
def test_any_flipped_byte_is_an_error_of_the_file_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    path = write_model_file(tmp_path_factory.mktemp("flip") / "model.safetensors", MODEL)
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= value
    path.write_bytes(content)
    try:
        weights = read_model_file(path, "inpainter").weights
    except ModelFileError:
        return
    assert weights_sha256(weights) == weights_sha256(WEIGHTS)


def test_other_version(path: Path) -> None:
    rewrite(path, format_version="2")
    assert "model format '2', this version reads 1; update" in message_of(path)


def test_other_kind(path: Path) -> None:
    assert "of kind 'inpainter', not 'foreground'" in message_of(path, "foreground")


def test_damaged_metadata(path: Path) -> None:
    rewrite(path, metadata="{")
    assert "the metadata" in message_of(path)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_foreign_safetensors(tmp_path: Path, dtype: torch.dtype) -> None:
    path = tmp_path / "foreign.safetensors"
    save_torch_file({"weight": torch.zeros(3, dtype=dtype)}, path)
    assert "is not a model of napari-inpaintaff" in message_of(path)


class Payload:
    """Leaves a trace where a pickle that holds it is loaded."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("write", [torch.save, lambda value, p: p.write_bytes(pickle.dumps(value))])
def test_a_pickle_is_refused_and_not_executed(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "model.pt"
    write(Payload(tmp_path / "executed"), path)
    assert "is no safetensors file" in message_of(path)
    assert not (tmp_path / "executed").exists()


def test_a_full_disk_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def fail(*args: object, **options: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(model_file, "save", fail)
    with pytest.raises(OutputError, match="the disk is full"):
        write_model_file(path, MODEL)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        write_model_file(tmp_path / "nowhere" / "model.safetensors", MODEL)
