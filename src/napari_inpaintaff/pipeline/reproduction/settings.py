"""How much of the papers' experiments is run, and how thoroughly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.foreground.fgnet_parameters import DEFAULT_STEPS
from napari_inpaintaff.separation import SEPARATION_MODES, SeparationParameters

Part = Literal["table1", "figure4", "figure5", "clustering", "appendix"]
Engine = Literal["igm", "student", "both"]
Config = Literal["small", "paper"]

PARTS: tuple[Part, ...] = get_args(Part)
ENGINES: tuple[Engine, ...] = get_args(Engine)
CONFIGS: tuple[Config, ...] = get_args(Config)

#: Numbers of labelled cells in figure 4 of the paper; None means all.
LEVELS: tuple[int | None, ...] = (1, 3, 6, 12, 24, 50, 100, None)
#: That of FGNet50.
FIFTY = 50


@dataclass(frozen=True)
class Reproduction:
    """What to run.

    Attributes
    ----------
    split : {"paper", "development"}
        Which frames have which role.
    data_sets : tuple of str
        Names; empty takes all that are there.
    parts : tuple of str
        Of ``table1``, ``figure4``, ``figure5``, ``clustering`` and ``appendix``.
    inpainters : mapping of str to str or Path
        Name or file of the model for a data set; by default that of the split, and where the
        split has none, one is trained on the data set's own images.
    engine : {"igm", "student", "both"}
        What makes the self-supervised affinities: information gain, a student distilled from
        the same inpainter on the unlabelled images, or each in turn.
    separation : SeparationParameters
        How an inpainter takes patches apart.
    config : {"small", "paper"}
        Networks of FGNet and AffNet.
    levels : tuple of int or None
        About how many labelled cells are learned from; None means all.
    seeds : int
        Trainings of each network.
    minutes, steps : float and int, or None
        Of every training of FGNet and AffNet: one of them.
    inpainter_minutes, inpainter_steps : float and int, or None
        Of an inpainter that has to be trained: one of them.
    student_patches, student_steps : int, int or None
        That a student is distilled from, and of its training; None: as many as it needs.
    crop : int or None
        Side of the square that is looked at in frames to validate and test on; None is all.
    most_frames : int or None
        To validate and to test on, of each.
    appendix_frames : int
        Test frames on which the choices of appendix A are compared.
    workers : int
        Processes that work at the same time; 1 does everything in this one.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    split: str = "paper"
    data_sets: tuple[str, ...] = ()
    parts: tuple[str, ...] = PARTS
    inpainters: Mapping[str, str | Path] = field(default_factory=dict)
    engine: Engine = "igm"
    separation: SeparationParameters = field(default_factory=SeparationParameters)
    config: Config = "small"
    levels: tuple[int | None, ...] = LEVELS
    seeds: int = 3
    minutes: float | None = None
    steps: int | None = DEFAULT_STEPS
    inpainter_minutes: float | None = 20.0
    inpainter_steps: int | None = None
    student_patches: int = 1500
    student_steps: int | None = None
    crop: int | None = None
    most_frames: int | None = None
    appendix_frames: int = 2
    workers: int = 1
    device: str = "auto"

    def __post_init__(self) -> None:
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown or not self.parts:
            named = unknown[0] if unknown else ""
            raise ParameterError(
                f"unknown part {named!r} of the experiments; choose of: {', '.join(PARTS)}"
            )
        if self.engine not in ENGINES:
            raise ParameterError(f"unknown engine {self.engine!r}; use one of {', '.join(ENGINES)}")
        if self.config not in CONFIGS:
            raise ParameterError(f"unknown config {self.config!r}; use one of {', '.join(CONFIGS)}")
        for name in ("seeds", "student_patches", "appendix_frames", "workers"):
            if getattr(self, name) < 1:
                raise ParameterError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("crop", "most_frames"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ParameterError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.levels:
            raise ParameterError("there is no number of labelled cells to learn from")
        self._check_length("minutes", "steps")
        self._check_length("inpainter_minutes", "inpainter_steps")

    def _check_length(self, minutes: str, steps: str) -> None:
        given = getattr(self, minutes), getattr(self, steps)
        if given.count(None) != 1:
            raise ParameterError(f"a training takes either {minutes} or {steps}, got {given}")
        if not max(value for value in given if value is not None) > 0:
            raise ParameterError(f"{minutes} or {steps} must be positive, got {given}")

    @property
    def engines(self) -> tuple[str, ...]:
        """``igm``, ``student`` or both."""
        return ("igm", "student") if self.engine == "both" else (self.engine,)


def quick(reproduction: Reproduction) -> Reproduction:
    """Return a run of minutes, for a first look: its numbers mean little.

    One seed, three sizes of training sets, trainings of seconds, the middle of two frames,
    and the separation in draft mode.
    """
    draft = replace(SEPARATION_MODES["draft"], seed=reproduction.separation.seed)
    return replace(
        reproduction,
        separation=draft,
        levels=(6, FIFTY, None),
        seeds=1,
        minutes=0.2,
        steps=None,
        inpainter_minutes=2.0,
        inpainter_steps=None,
        student_patches=200,
        crop=224,
        most_frames=2,
        appendix_frames=1,
    )
