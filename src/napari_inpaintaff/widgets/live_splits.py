"""What is seen of the splits while a run goes on, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari.layers import Labels, Layer
from qtpy.QtCore import QObject, Signal

from napari_inpaintaff.widgets.evolution import Evolution
from napari_inpaintaff.widgets.pace import Pace
from napari_inpaintaff.widgets.preview import SplitPreview, split_picture
from napari_inpaintaff.widgets.split_following import (
    GainHistory,
    SplitOrder,
    SplitSpeed,
    split_order,
)

if TYPE_CHECKING:
    from napari_inpaintaff.separation import SplitUpdate

#: Part of the interface's time that splits and the count of patches may take.
SHARE = 0.2


@dataclass
class _Watched:
    """The run whose splits are seen."""

    preview: SplitPreview
    evolution: Evolution
    order: SplitOrder
    history: GainHistory = field(default_factory=GainHistory)
    patches: tuple[int, int] = (0, 0)


class LiveSplits(QObject):
    """Shows the splits of one run at a time, as often as the user wishes.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show them.
    """

    #: (SplitUpdate, [(iteration, gain)]): a split is shown, and its evidence until now.
    shown = Signal(object, object)
    #: Nothing is shown any more of the split that was shown last.
    cleared = Signal()
    patches_done = Signal(int, int)
    #: So many pictures are recorded, and so many can be.
    recorded = Signal(int, int)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._speed = SplitSpeed.PACED
        self._recording = False
        self._watched: _Watched | None = None
        self._pace = Pace(self._show, SHARE)

    @property
    def layer(self) -> Labels | None:
        """The preview; None while there is none."""
        return None if self._watched is None else self._watched.preview.layer

    def set_speed(self, speed: SplitSpeed) -> None:
        """Choose how many steps are shown, from now on."""
        self._speed = speed
        # Where every step is shown, nothing but the drawing itself holds them up.
        self._pace.set_share(1.0 if speed.in_order else SHARE)
        if self._watched is not None:
            self._record_rest(self._watched)
            self._watched.order = split_order(speed)
            if speed is SplitSpeed.OFF:
                self._watched.preview.remove()
        if speed is SplitSpeed.OFF:
            self.cleared.emit()

    def set_recording(self, recording: bool) -> None:
        """Choose whether what is shown is recorded, from now on."""
        self._recording = recording

    def coalesce(self, update: Any) -> Any:
        """Let splits stand beside each other until they are noted; for any thread."""
        if not hasattr(update, "origin") or self._speed is SplitSpeed.OFF:
            return type(update)
        if self._speed.in_order:
            return update.split, update.iteration, update.ended
        return update.origin

    def begin(self, source: Layer, index: tuple[int, ...]) -> None:
        """Watch a run on a plane of a layer."""
        preview = SplitPreview(self._viewer, source, index)
        self._watched = _Watched(preview, Evolution(source, index), split_order(self._speed))
        self.cleared.emit()
        self.recorded.emit(0, self._watched.evolution.most)

    def note(self, updates: Sequence[SplitUpdate]) -> None:
        """Take in what `tell` may show, oldest first."""
        if self._watched is None or not updates:
            return
        self._watched.patches = (updates[-1].done, updates[-1].total)
        if self._speed is not SplitSpeed.OFF:
            self._watched.history.note(updates)
            self._watched.order.note(updates)

    def tell(self) -> None:
        """Show something of what was noted, now or soon."""
        self._pace.tell()

    def hold(self) -> None:
        """Show nothing until the next `tell`: splits are over, something else has begun."""
        self._pace.stop()

    def remove(self) -> None:
        """Take the preview away."""
        self._pace.stop()
        if self._watched is not None:
            self._watched.preview.remove()

    def end(self) -> Labels | None:
        """End the run, and return the layer of what was recorded, if anything was."""
        self.remove()
        watched, self._watched = self._watched, None
        if watched is None:
            return None
        self._record_rest(watched)
        return watched.evolution.show(self._viewer) if len(watched.evolution) else None

    def dispose(self) -> None:
        """Let go of the viewer; what was recorded is lost."""
        if self._watched is not None:
            self.remove()
        self._watched = None

    def _show(self) -> None:
        watched = self._watched
        if watched is None:
            return
        update = watched.order.next()
        if update is not None:
            picture = split_picture(update.state, update.band)
            watched.preview.show(update, picture)
            self._record(watched, update, picture)
            self.shown.emit(update, watched.history.curve(update))
            if self._speed.in_order:
                # The next one waits, perhaps.
                self._pace.tell()
        self.patches_done.emit(*watched.patches)

    def _record(self, watched: _Watched, update: SplitUpdate, picture: Any) -> None:
        if self._recording:
            watched.evolution.add(picture, update.origin, update.zoom)
            self.recorded.emit(len(watched.evolution), watched.evolution.most)

    def _record_rest(self, watched: _Watched) -> None:
        for update in watched.order.rest():
            self._record(watched, update, split_picture(update.state, update.band))
