"""What became of the planes or files of a run, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_inpaintaff.images import SkippedImage

#: How many reasons are named; the log has all.
_NAMED = 3


@dataclass
class WholeReport:
    """Counts what is done, what had labels and what cannot be used.

    Attributes
    ----------
    unit : str
        ``"plane"`` or ``"image"``.
    done : int
        With new labels.
    kept : int
        With labels that were there before.
    skipped : list of SkippedImage
        What cannot be used, and why.
    skipped_planes : list of SkippedImage
        Planes without labels in images that are done.
    """

    unit: str
    done: int = 0
    kept: int = 0
    skipped: list[SkippedImage] = field(default_factory=list)
    skipped_planes: list[SkippedImage] = field(default_factory=list)

    def ended(self) -> str:
        """Say how a run ended that was not cancelled."""
        if not (self.done or self.skipped):
            had = "has" if self.kept == 1 else "have"
            return f"Nothing to do: {self._count(self.kept)} {had} labels already, which stay."
        return f"Done: {self._count(self.done)} labelled.{self._rest()}"

    def cancelled(self) -> str:
        """Say what is kept of a run that was cancelled."""
        if not self.done:
            return f"Cancelled before a {self.unit} was done.{self._rest()}"
        return (
            f"Cancelled: {self._count(self.done)} labelled, which stay.{self._rest()} "
            "Apply goes on with the others."
        )

    def stopped(self, reason: str) -> str:
        """Say what is kept of a run that could not go on."""
        if not self.done:
            return reason
        return f"{reason} {self._count(self.done)} labelled before, which stay."

    def _rest(self) -> str:
        text = ""
        if self.kept:
            text += f" {self._count(self.kept)} had labels already, which stay."
        return text + _reasons(self.skipped, self.unit) + _reasons(self.skipped_planes, "plane")

    def _count(self, number: int) -> str:
        return _count(number, self.unit)


def written(path: Path, cells: int, skipped: Sequence[SkippedImage]) -> str:
    """Say what a run has written to a file."""
    return f"Done: {_count(cells, 'cell')} in {path}.{_reasons(list(skipped), 'plane')}"


def _reasons(skipped: list[SkippedImage], unit: str) -> str:
    if not skipped:
        return ""
    reasons = [f"{one.path_or_name}: {one.reason}" for one in skipped[:_NAMED]]
    more = len(skipped) - _NAMED
    named = "; ".join(reasons) + (f"; and {more} more" if more > 0 else "")
    was = "was" if len(skipped) == 1 else "were"
    return f" {_count(len(skipped), unit)} {was} skipped ({named})."


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"
