"""Which of the many splits of a run are shown, and in what order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from napari_inpaintaff.separation import SplitUpdate

#: One patch is followed at least this long before the preview moves on.
FOLLOW_SECONDS = 1.0
#: No other split is begun to be shown while so many steps wait.
LONGEST_QUEUE = 48
#: A split that is not heard of during so many steps of others is given up.
PATIENCE = 24
#: The values of so many splits are remembered.
_REMEMBERED = 64


class SplitSpeed(Enum):
    """How many of the steps of splits are shown."""

    PACED = "paced"
    EVERY = "every"
    FIFTH = "fifth"
    OFF = "off"

    @property
    def in_order(self) -> bool:
        """Whether one split is shown step by step, however long that takes."""
        return self in (SplitSpeed.EVERY, SplitSpeed.FIFTH)


class SplitOrder(Protocol):
    """Takes in updates as they come and says which to show next."""

    def note(self, updates: Sequence[SplitUpdate]) -> None:
        """Take in updates, oldest first."""

    def next(self) -> SplitUpdate | None:
        """Return what to show now; None when there is nothing new."""

    def rest(self) -> list[SplitUpdate]:
        """Hand over what would still be shown."""


class NewestSplits:
    """The newest step, of the patch that is followed if it is among them."""

    def __init__(self) -> None:
        self._followed: tuple[int, int] | None = None
        self._followed_since = 0.0
        #: The newest of every window that is not shown yet, the newest of all last.
        self._newest: dict[tuple[int, int], SplitUpdate] = {}

    def note(self, updates: Sequence[SplitUpdate]) -> None:
        """Take in updates, oldest first."""
        for update in updates:
            self._newest.pop(update.origin, None)
            self._newest[update.origin] = update

    def next(self) -> SplitUpdate | None:
        """Return what to show now; what was noted besides is forgotten."""
        updates = list(self._newest.values())
        self._newest.clear()
        if not updates:
            return None
        now = time.monotonic()
        if now - self._followed_since < FOLLOW_SECONDS:
            for update in reversed(updates):
                if update.origin == self._followed:
                    return update
        # The first split of a patch says more than those of its crumbs.
        chosen = min(reversed(updates), key=lambda update: update.depth)
        if chosen.origin != self._followed:
            self._followed, self._followed_since = chosen.origin, now
        return chosen

    def rest(self) -> list[SplitUpdate]:
        """Hand over nothing: what has not been shown by now is old."""
        return []


class SplitQueue:
    """One split from its first step to its last, then another.

    Steps of other splits are left out, and a split is begun only while few steps wait, so
    that the queue stays short however fast they come.

    Parameters
    ----------
    every : int, optional
        Of every split the first step, each of this many, and the last are shown.
    """

    def __init__(self, every: int = 1) -> None:
        self._every = every
        self._waiting: deque[SplitUpdate] = deque()
        self._followed: int | None = None
        self._missed = 0

    def note(self, updates: Sequence[SplitUpdate]) -> None:
        """Take in updates, oldest first."""
        for update in updates:
            if update.split == self._followed or self._begin(update):
                self._append(update)

    def next(self) -> SplitUpdate | None:
        """Return what to show now; None when there is nothing new."""
        return self._waiting.popleft() if self._waiting else None

    def rest(self) -> list[SplitUpdate]:
        """Hand over what would still be shown."""
        rest = list(self._waiting)
        self._waiting.clear()
        return rest

    def _begin(self, update: SplitUpdate) -> bool:
        self._missed += 1
        # Work on windows of one size may rest for long, and the end of a run begins no split.
        begins = self._followed is None and update.iteration <= 1
        if len(self._waiting) >= LONGEST_QUEUE or not (begins or self._missed > PATIENCE):
            return False
        self._followed = update.split
        return True

    def _append(self, update: SplitUpdate) -> None:
        self._missed = 0
        if update.iteration == 1 or update.iteration % self._every == 0 or update.ended:
            self._waiting.append(update)
        if update.ended:
            self._followed = None


class GainHistory:
    """The evidence of splits, iteration by iteration."""

    def __init__(self) -> None:
        self._gains: dict[int, dict[int, float]] = {}

    def note(self, updates: Iterable[SplitUpdate]) -> None:
        """Take in updates; those of long ago are forgotten."""
        for update in updates:
            if update.split not in self._gains and len(self._gains) >= _REMEMBERED:
                self._gains.pop(next(iter(self._gains)))
            self._gains.setdefault(update.split, {})[update.iteration] = update.gain

    def curve(self, update: SplitUpdate) -> list[tuple[int, float]]:
        """Return (iteration, gain) of a split up to an update of it."""
        known = self._gains.get(update.split, {})
        before = [(n, gain) for n, gain in known.items() if n < update.iteration]
        return [*before, (update.iteration, update.gain)]


def split_order(speed: SplitSpeed) -> SplitOrder:
    """Return the order that belongs to a speed, with nothing noted."""
    if speed.in_order:
        return SplitQueue(1 if speed is SplitSpeed.EVERY else 5)
    return NewestSplits()
