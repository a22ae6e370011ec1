"""What became of the planes or files of a run, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

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
    """

    unit: str
    done: int = 0
    kept: int = 0
    skipped: list[SkippedImage] = field(default_factory=list)

    def add_skipped(self, skipped: Iterable[SkippedImage]) -> None:
        """Note what cannot be used."""
        self.skipped.extend(skipped)

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
        if self.skipped:
            was = "was" if len(self.skipped) == 1 else "were"
            reasons = [f"{one.path_or_name}: {one.reason}" for one in self.skipped]
            more = len(reasons) - _NAMED
            named = "; ".join(reasons[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
            text += f" {self._count(len(self.skipped))} {was} skipped ({named})."
        return text

    def _count(self, number: int) -> str:
        return f"{number} {self.unit}{'' if number == 1 else 's'}"
