"""What all computations of this process keep to, unless they are told otherwise.

Importing this does not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_inpaintaff.errors import ParameterError

DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Compute:
    """Where networks run by default, and with how much.

    Attributes
    ----------
    device : {"auto", "cpu", "cuda", "mps"}
        What ``"auto"`` stands for; ``"auto"`` takes CUDA, else MPS, else the CPU.
    threads : int
        Of the processor, for one operation; 0 leaves the choice to PyTorch.
    memory : float
        How much of a GPU's memory may be used, in GiB; 0 for all that is free.
    tile : int
        Side of the parts of an image that go through a network at once, in pixels; 0 for the
        usual one.

    Raises
    ------
    ParameterError
        If a value is none of these.
    """

    device: str = "auto"
    threads: int = 0
    memory: float = 0.0
    tile: int = 0

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise ParameterError(f"unknown device {self.device!r}; use one of {', '.join(DEVICES)}")
        if self.threads < 0:
            raise ParameterError(f"threads must be 0 or more, got {self.threads}")
        if not 0 <= self.memory < float("inf"):
            raise ParameterError(f"memory must be 0 or more GiB, got {self.memory}")
        if self.tile and self.tile < 64:
            raise ParameterError(f"tiles must be 64 pixels or more, got {self.tile}")


_current = Compute()


def compute() -> Compute:
    """Return what computations of this process keep to."""
    return _current


def use_compute(settings: Compute) -> None:
    """Let computations that begin from now on in this process keep to other settings."""
    global _current
    _current = settings
