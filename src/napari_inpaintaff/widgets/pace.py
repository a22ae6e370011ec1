"""Draw what changes all the time, without taking the time of everything else."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from qtpy.QtCore import QObject

from napari_inpaintaff.widgets.timers import single_shot


class Pace(QObject):
    """Calls an action whenever there is news, but not all the time.

    Where there is no graphics card, drawing takes the processors that the work in the
    background needs. After every call as much time must pass as it takes to keep to a share.

    Parameters
    ----------
    action : callable
        Draws the newest; what it makes Qt draw afterwards counts, too.
    share : float
        Part of the interface's time that the action may take, in (0, 1].
    """

    def __init__(self, action: Callable[[], None], share: float) -> None:
        super().__init__()
        self._action = action
        self._share = share
        self._news = False
        self._resting = False
        self._began = 0.0
        # Acts when everything is drawn that was asked for.
        self._drawn = single_shot(self, 0, self._on_drawn)
        self._rest = single_shot(self, 0, self._on_rested)

    def tell(self) -> None:
        """Say that there is news: it is drawn at once, or when the rest is over."""
        self._news = True
        if not self._resting:
            self._act()

    def set_share(self, share: float) -> None:
        """Let the action take another part of the time, from the next call on."""
        self._share = share

    def stop(self) -> None:
        """Draw nothing any more until there is news again."""
        # When the application ends, Qt may have deleted the timers before.
        with suppress(RuntimeError):
            self._drawn.stop()
            self._rest.stop()
        self._news = self._resting = False

    def _act(self) -> None:
        self._news, self._resting = False, True
        self._began = time.perf_counter()
        self._action()
        self._drawn.start()

    def _on_drawn(self) -> None:
        seconds = time.perf_counter() - self._began
        self._rest.setInterval(round(1000 * seconds * (1 / self._share - 1)))
        self._rest.start()

    def _on_rested(self) -> None:
        self._resting = False
        if self._news:
            self._act()
