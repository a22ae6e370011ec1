from __future__ import annotations

import sys
from types import ModuleType

import brute_force
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import Affinities, Offset
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.partition import (
    connected_components,
    mutex_watershed,
    mutex_watershed_backend,
)

OFFSETS: tuple[Offset, ...] = ((-1, 0), (0, -1), (-2, 0), (0, -3), (2, -2), (-3, -1))


def full(affinities: Affinities) -> NDArray[np.bool_]:
    return np.ones(affinities.shape, bool)


def row(local: list[float], repulsive: list[float], *, reach: int) -> Affinities:
    """One row of pixels: links to the left neighbour, affinities over `reach` pixels."""
    values = np.zeros((3, 1, len(local)), np.float32)
    values[1, 0] = local
    values[2, 0] = repulsive
    weight = np.ones_like(values)
    weight[0] = 0
    weight[1, 0, 0] = 0
    weight[2, 0, :reach] = 0
    return Affinities(values, ((-1, 0), (0, -1), (0, -reach)), weight)


@st.composite
def random_cases(draw: st.DrawFn) -> tuple[Affinities, NDArray[np.bool_], float]:
    """Small images with strengths that are all distinct, some pairs without a weight."""
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (len(OFFSETS), height, width)
    values = random.random(shape).astype(np.float32)
    # A cubed affinity leaves few strong links, its root many: both sides of the balance.
    values[:2] **= np.float32(draw(st.sampled_from([0.3, 1.0, 3.0])))
    weight = (random.random(shape) < draw(st.sampled_from([0.4, 0.9, 1.0]))).astype(np.float32)
    mask = random.random((height, width)) < draw(st.sampled_from([0.5, 0.9, 1.0]))
    return Affinities(values, OFFSETS, weight), mask, draw(st.sampled_from([0.3, 0.8, 1.0, 1.7]))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=random_cases())
def test_equals_brute_force(
    backend: str, case: tuple[Affinities, NDArray[np.bool_], float]
) -> None:
    affinities, mask, alpha = case
    labels = mutex_watershed(affinities, foreground=mask, alpha=alpha)
    assert brute_force.same_partition(labels, brute_force.mutex_watershed(affinities, mask, alpha))
    assert labels.dtype == np.uint32
    assert np.array_equal(labels > 0, mask)
    assert np.array_equal(np.unique(labels[mask]), np.arange(1, labels.max() + 1))


@settings(deadline=None)
@given(case=random_cases())
def test_segments_are_connected_by_positive_links(
    case: tuple[Affinities, NDArray[np.bool_], float],
) -> None:
    affinities, mask, alpha = case
    labels = mutex_watershed(affinities, foreground=mask, alpha=alpha)
    for label in range(1, int(labels.max()) + 1):
        inside = labels == label
        assert ndimage.label(inside)[1] == 1
        only = Affinities(affinities.values, OFFSETS, affinities.weight)
        assert connected_components(only, foreground=inside, level=0.0).max() == 1


@settings(deadline=None)
@given(case=random_cases(), seed=st.integers(0, 99))
def test_what_has_no_weight_does_not_matter(
    case: tuple[Affinities, NDArray[np.bool_], float], seed: int
) -> None:
    affinities, mask, alpha = case
    noise = np.random.default_rng(seed).random(affinities.values.shape).astype(np.float32)
    noise[0, 0] = np.nan
    other = Affinities(
        np.where(affinities.weight > 0, affinities.values, noise), OFFSETS, affinities.weight
    )
    assert np.array_equal(
        mutex_watershed(affinities, foreground=mask, alpha=alpha),
        mutex_watershed(other, foreground=mask, alpha=alpha),
    )


def test_a_repulsive_pair_that_comes_first_forbids_the_merge(backend: str) -> None:
    chain = row([0, 0.7, 0.6], [0, 0, 0.1], reach=2)
    assert mutex_watershed(chain, foreground=full(chain)).tolist() == [[1, 1, 2]]


def test_a_repulsive_pair_that_comes_late_does_nothing(backend: str) -> None:
    chain = row([0, 0.7, 0.6], [0, 0, 0.5], reach=2)
    assert mutex_watershed(chain, foreground=full(chain)).tolist() == [[1, 1, 1]]


def test_alpha_decides_who_comes_first(backend: str) -> None:
    chain = row([0, 0.7, 0.6], [0, 0, 0.5], reach=2)
    assert mutex_watershed(chain, foreground=full(chain), alpha=1.3).tolist() == [[1, 1, 2]]


def test_a_repulsion_of_strength_zero_never_forbids(backend: str) -> None:
    chain = row([0, 0.001, 0.001], [0, 0, 1.0], reach=2)
    assert mutex_watershed(chain, foreground=full(chain), alpha=1e6).max() == 1


def test_an_attraction_of_strength_zero_never_merges(backend: str) -> None:
    chain = row([0, 0.9, 0.0, 0.9], [0, 0, 1.0, 1.0], reach=2)
    assert mutex_watershed(chain, foreground=full(chain)).tolist() == [[1, 1, 2, 2]]


def test_pixels_without_any_link_are_segments_of_their_own(backend: str) -> None:
    nothing = Affinities(np.zeros((6, 2, 3), np.float32), OFFSETS, np.zeros((6, 2, 3), np.float32))
    labels = mutex_watershed(nothing, foreground=full(nothing))
    assert labels.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_at_equal_strength_attraction_comes_first() -> None:
    chain = row([0, 1.0, 1.0], [0, 0, 0.0], reach=2)
    assert mutex_watershed(chain, foreground=full(chain)).max() == 1


def test_the_sign_and_order_of_the_local_offsets_do_not_matter() -> None:
    random = np.random.default_rng(3)
    values = random.random((2, 5, 6)).astype(np.float32)
    weight = np.ones_like(values)
    back = Affinities(values, ((-1, 0), (0, -1)), weight)
    turned = np.zeros_like(values)
    turned[0, :, :-1] = values[1, :, 1:]
    turned[1, :-1] = values[0, 1:]
    forth = Affinities(turned, ((0, 1), (1, 0)), weight)
    for level in (0.3, 0.5):
        assert np.array_equal(
            connected_components(back, foreground=full(back), level=level),
            connected_components(forth, foreground=full(back), level=level),
        )


@pytest.mark.parametrize("offsets", [((-2, 0), (0, -1)), ((-1, 0), (-1, 0)), ((-1, 0), (1, -1))])
def test_refuses_affinities_without_local_offsets(offsets: tuple[Offset, ...]) -> None:
    values = np.ones((2, 3, 3), np.float32)
    with pytest.raises(ParameterError, match="one step along y and one along x"):
        mutex_watershed(Affinities(values, offsets, values), foreground=np.ones((3, 3), bool))


def test_affogato_is_named_when_it_is_there(affogato: ModuleType) -> None:
    assert mutex_watershed_backend() == "affogato 0.3.3"


def test_bioimage_cpp_is_named_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "affogato", None)
    assert mutex_watershed_backend().startswith("bioimage-cpp ")


def test_an_unrelated_affogato_is_not_used(unrelated_affogato: ModuleType) -> None:
    assert mutex_watershed_backend().startswith("bioimage-cpp ")
    chain = row([0, 0.7, 0.6], [0, 0, 0.1], reach=2)
    assert mutex_watershed(chain, foreground=full(chain)).tolist() == [[1, 1, 2]]
