"""Random affinities, and a stand-in for affogato (which pip cannot install)."""

from __future__ import annotations

import sys
import types
from collections.abc import Sequence

import brute_force
import numpy as np
import pytest
from numpy.typing import NDArray


def compute_mws_segmentation(
    weights: NDArray[np.float32],
    offsets: Sequence[Sequence[int]],
    number_of_attractive_channels: int,
    strides: Sequence[int] | None = None,
    randomize_strides: bool = False,
    algorithm: str = "kruskal",
    mask: NDArray[np.bool_] | None = None,
    initial_coordinates: NDArray[np.integer] | None = None,
) -> NDArray[np.uint64]:
    """Affogato's signature; like the real one it lets edges of strength 0 act."""
    assert strides is None
    assert not randomize_strides
    assert algorithm == "kruskal"
    assert initial_coordinates is None
    assert mask is not None
    assert mask.dtype == bool
    assert all(isinstance(offset, list) for offset in offsets)
    labels = brute_force.solve(
        weights,
        [list(offset) for offset in offsets],
        number_of_attractive_channels,
        mask,
        zero_edges_act=True,
    )
    return (labels * 7).astype(np.uint64)


def put_in_place_of_affogato(
    monkeypatch: pytest.MonkeyPatch, *, with_function: bool
) -> types.ModuleType:
    package = types.ModuleType("affogato")
    package.__dict__["__version__"] = "0.3.3"
    segmentation = types.ModuleType("affogato.segmentation")
    if with_function:
        segmentation.__dict__["compute_mws_segmentation"] = compute_mws_segmentation
    monkeypatch.setitem(sys.modules, "affogato", package)
    monkeypatch.setitem(sys.modules, "affogato.segmentation", segmentation)
    return segmentation


@pytest.fixture
def affogato(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """An importable affogato that solves by brute force."""
    return put_in_place_of_affogato(monkeypatch, with_function=True)


@pytest.fixture
def unrelated_affogato(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A package of that name without a mutex watershed, as PyPI has one."""
    return put_in_place_of_affogato(monkeypatch, with_function=False)


@pytest.fixture(params=["bioimage-cpp", "affogato"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with each solver in turn."""
    if request.param == "affogato":
        put_in_place_of_affogato(monkeypatch, with_function=True)
    else:
        monkeypatch.setitem(sys.modules, "affogato", None)
    return str(request.param)
