"""How far a long run has come."""

from __future__ import annotations

from dataclasses import dataclass

from napari_inpaintaff.errors import ParameterError


@dataclass(frozen=True)
class Progress:
    """One report of a long run.

    Attributes
    ----------
    done : int
        Units of work finished so far, at least 0.
    total : int
        Units of work altogether; 0 when nobody knows yet.
    message : str
        What is being done, for people; empty to keep what was said before.
    """

    done: int
    total: int
    message: str = ""

    def __post_init__(self) -> None:
        if self.done < 0 or self.total < 0:
            raise ParameterError(f"progress must not be negative, got {self.done} of {self.total}")

    @property
    def fraction(self) -> float | None:
        """Finished part in [0, 1]; None when the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else None


def seconds_left(done: int, total: int, elapsed: float) -> float | None:
    """Estimate how long the rest of a run takes.

    Parameters
    ----------
    done, total : int
        Finished and all units of work.
    elapsed : float
        Seconds spent on the finished units.

    Returns
    -------
    float or None
        Seconds, assuming that every unit costs the same; None while nothing is
        finished or the total is unknown.
    """
    if done <= 0 or total <= 0:
        return None
    return max(0, total - done) * elapsed / done
