"""The images that a training draws its crops from, as many of them as memory allows."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images.planes import Plane, SkippedImage
from napari_inpaintaff.jobs.progress import Progress

#: Planes with a shorter side are not trained on: they are icons, line scans or mistakes.
SMALLEST_SIDE = 16

#: How many pixels are read anew per step, on average, when not all planes fit into memory.
#: Reading and normalising them costs about two milliseconds of one core.
_PIXELS_PER_STEP = 2**14

#: Threads that read images, and how many exchanges they work ahead.
_READERS = min(4, os.cpu_count() or 1)

_BYTES_PER_PIXEL = np.dtype(np.float32).itemsize

Prepare = Callable[[NDArray[Any]], NDArray[np.float32] | None]


class PlanePool:
    """Normalised planes in memory: all of them, or a part that is exchanged little by little.

    Where not all fit, the planes stand in an endless row (one seeded permutation of all of
    them after the other), and a window moves along it: it holds as many consecutive planes
    as fit. What is in the pool is thus a function of the seed and the step and of nothing
    else: a resumed training goes on with the same planes. The planes that come next are read
    ahead in the background.

    Parameters
    ----------
    planes : sequence of Plane
        Those with a side of less than 16 pixels are skipped.
    prepare : callable
        From the pixels of a plane to normalised values, or to None where nothing can be learnt
        from it (nothing varies, say). NaN is filled with the median afterwards. Called from
        several threads.
    seed : int
        Same seed, same planes.
    zoom : float, optional
        Pixels of a plane per prepared pixel, along each axis.
    memory : int, optional
        Bytes that the planes may take; one plane is kept even where it alone takes more.
        The planes that are read ahead, about four, come on top.
    on_skip : callable
        Told once of every plane that is too small, cannot be read or cannot be prepared, in
        the thread that calls `load` or `at` (those that are too small: at once).

    Raises
    ------
    ImageError
        If no plane is large enough.
    ParameterError
        If the memory is not positive.
    """

    def __init__(
        self,
        planes: Sequence[Plane],
        prepare: Prepare,
        *,
        seed: int,
        zoom: float = 1.0,
        memory: int = 2**30,
        on_skip: Callable[[SkippedImage], None],
    ) -> None:
        if memory <= 0:
            raise ParameterError(f"the memory for images must be positive, got {memory}")
        self._prepare = prepare
        self._seed = seed
        self._memory = memory
        self._on_skip = on_skip
        self._skipped: list[SkippedImage] = []
        self._planes = [plane for plane in planes if self._is_large_enough(plane)]
        if not self._planes:
            raise self._nothing_left()
        shapes = (plane.shape for plane in self._planes)
        self._areas = [round(height * width / zoom**2) for height, width in shapes]
        self._fits = self.pixels * _BYTES_PER_PIXEL <= memory
        self._period = max(1, round(self.pixels / len(self._planes) / _PIXELS_PER_STEP))
        self._row = lru_cache(maxsize=4)(self._permutation)
        self._unusable: set[int] = set()
        self._values: dict[int, NDArray[np.float32]] = {}
        self._reading: dict[int, Future[NDArray[np.float32] | SkippedImage]] = {}
        self._content: tuple[int, tuple[NDArray[np.float32], ...]] | None = None
        self._lock = threading.Lock()
        self._readers = ThreadPoolExecutor(_READERS, "Reading the images…")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading ahead; nothing can be asked for afterwards."""
        self._readers.shutdown(cancel_futures=True)

    @property
    def pixels(self) -> int:
        """Number of prepared pixels of all planes that are large enough."""
        return sum(self._areas)

    @property
    def skipped(self) -> tuple[SkippedImage, ...]:
        """The planes that were found unusable so far."""
        return tuple(self._skipped)

    def load(self, step: int = 0) -> Iterator[Progress]:
        """Read what the pool holds at a step, and tell how far that is.

        To be called before others draw from the pool, not while they do.

        Parameters
        ----------
        step : int, optional
            The first one of the training, another one when it is resumed.

        Yields
        ------
        Progress
            After every plane.

        Raises
        ------
        ImageError
            If no plane can be used.
        """
        done = 0
        first = self._first(step)
        # Of planes that cannot be used others take the place, which have to be read as well.
        while missing := self._missing(first):
            self._read_ahead(missing)
            total = done + len(missing)
            for index in missing:
                self._settle(index)
                done += 1
                yield Progress(done, total, "Reading the images…")
        if not self._window(first):
            raise self._nothing_left()

    def at(self, step: int) -> tuple[NDArray[np.float32], ...]:
        """Return the planes of a step, reading what is missing.

        Parameters
        ----------
        step : int
            Steps in a row are fast, any other step has to be read first.

        Returns
        -------
        tuple of ndarray of float32, shape (Y, X)
            Normalised values without NaN. The same object as long as nothing is exchanged.

        Raises
        ------
        ImageError
            If no plane can be used.
        """
        first = self._first(step)
        with self._lock:
            if self._content is None or self._content[0] != first:
                for _ in self.load(step):
                    pass
                self._values = {index: self._values[index] for index in self._window(first)}
                self._content = first, tuple(self._values.values())
                # One window after the other would leave all but one of the readers idle.
                windows = range(first + 1, first + 1 + _READERS)
                upcoming = list(dict.fromkeys(i for w in windows for i in self._missing(w)))
                self._reading = {i: read for i, read in self._reading.items() if i in upcoming}
                self._read_ahead(upcoming)
            return self._content[1]

    def _first(self, step: int) -> int:
        """Return where the window of a step begins."""
        return 0 if self._fits else step // self._period

    def _window(self, first: int) -> list[int]:
        """Return the planes of a window; those never read count as usable."""
        count = len(self._planes)
        if self._fits:
            return [index for index in range(count) if index not in self._unusable]
        chosen: dict[int, None] = {}
        left = self._memory
        # Any stretch of this length holds every plane.
        for place in range(first, first + 2 * count - 1):
            index = int(self._row(place // count)[place % count])
            if index in chosen:
                continue
            left -= self._areas[index] * _BYTES_PER_PIXEL
            # Before asking whether it can be used: the answer must not depend on what is
            # known already.
            if left < 0 and chosen:
                break
            if index in self._unusable:
                left += self._areas[index] * _BYTES_PER_PIXEL
            else:
                chosen[index] = None
        return list(chosen)

    def _permutation(self, epoch: int) -> NDArray[np.int64]:
        # The number in the middle keeps this stream apart from that of the crops.
        return np.random.default_rng([self._seed, 1, epoch]).permutation(len(self._planes))

    def _missing(self, first: int) -> list[int]:
        return [index for index in self._window(first) if index not in self._values]

    def _read_ahead(self, indices: Sequence[int]) -> None:
        for index in indices:
            if index not in self._reading:
                self._reading[index] = self._readers.submit(self._read, self._planes[index])

    def _settle(self, index: int) -> None:
        """Wait for a plane that is being read."""
        result = self._reading.pop(index).result()
        if isinstance(result, SkippedImage):
            self._unusable.add(index)
            self._skip(result)
        else:
            self._values[index] = result

    def _read(self, plane: Plane) -> NDArray[np.float32] | SkippedImage:
        try:
            image = plane.read()
            values = self._prepare(image)
        except ImageError as error:
            return SkippedImage.because(plane.name, error)
        except MemoryError:
            return SkippedImage(plane.name, "it does not fit into the memory of this computer")
        if image.shape != plane.shape:
            return SkippedImage(plane.name, f"its shape changed from {plane.shape}")
        if values is None or not np.isfinite(values).any():
            return SkippedImage(plane.name, "nothing varies in it")
        return without_nan(values)

    def _is_large_enough(self, plane: Plane) -> bool:
        height, width = plane.shape
        if min(height, width) >= SMALLEST_SIDE:
            return True
        reason = f"{height} x {width} pixels are too few ({SMALLEST_SIDE} x {SMALLEST_SIDE} needed)"
        self._skip(SkippedImage(plane.name, reason))
        return False

    def _skip(self, skipped: SkippedImage) -> None:
        self._skipped.append(skipped)
        self._on_skip(skipped)

    def _nothing_left(self) -> ImageError:
        if not self._skipped:
            return ImageError("there is no image to train on; give at least one")
        first = self._skipped[0]
        count = len(self._skipped)
        what = "the only image cannot" if count == 1 else f"none of the {count} images can"
        return ImageError(
            f"{what} be trained on ({first.path_or_name}: {first.reason}); give others"
        )


def without_nan(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values with NaN replaced by the median of the others.

    Parameters
    ----------
    values : ndarray of float32
        At least one is not NaN.

    Returns
    -------
    ndarray of float32
        The argument itself where it holds no NaN.
    """
    unknown = np.isnan(values)
    if not unknown.any():
        return values
    return np.where(unknown, np.float32(np.median(values[~unknown])), values)
