"""Ctrl-C once: stop and keep what there is; a second time: abort."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from napari_inpaintaff.cli.console import print_line

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSwitch:
    """Says whether the user wants a long run to stop; see `stop_on_signals`.

    Attributes
    ----------
    began : bool
        Whether the run has asked: from then on there is something to keep.
    stopped : bool
        Whether the run was told to stop.
    """

    def __init__(self) -> None:
        self.began = False
        self.stopped = False
        self._wanted = False

    def __call__(self) -> bool:
        """Return whether the run should stop; for the run to ask between two steps."""
        self.began = True
        # Said here and not where the signal arrives: that may be in the middle of a print.
        if self._wanted and not self.stopped:
            self.stopped = True
            print_line("stopping, what was trained is kept; Ctrl-C again aborts at once")
        return self._wanted

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Take a signal.

        Raises
        ------
        KeyboardInterrupt
            The second time, and before the run asked for the first time: until then there
            is nothing to keep.
        """
        if self._wanted or not self.began:
            raise KeyboardInterrupt
        self._wanted = True


@contextmanager
def stop_on_signals() -> Iterator[StopSwitch]:
    """Let SIGINT (Ctrl-C) and SIGTERM stop a run gently while the body runs.

    Yields
    ------
    StopSwitch
        To be asked by the run. Outside the main thread, where Python delivers no signals,
        nobody switches it.
    """
    switch = StopSwitch()
    if threading.current_thread() is not threading.main_thread():
        yield switch
        return
    before = {number: signal.signal(number, switch.receive) for number in _SIGNALS}
    try:
        yield switch
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def hint_at(checkpoint: Path, stop: StopSwitch) -> Iterator[None]:
    """Say, when a training fails that has begun, that it can go on from its checkpoint."""
    try:
        yield
    except BaseException:
        if stop.began and checkpoint.exists():
            print_line(f"the same command with --resume goes on from {checkpoint}")
        raise
