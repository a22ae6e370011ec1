"""The standings: SEG on the halves that nothing was tuned on, and how sure a lead is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.bouts import Bout, seeds_of
from arena.frames import Contest, halves
from arena.methods import Setting
from arena.plan import Arena

#: What all others are compared with: tuned.
RIVAL = "distance watershed"
_DRAWS = 2000


@dataclass(frozen=True)
class Standing:
    """A row: a method on a data set with one foreground.

    Attributes
    ----------
    tuned : bool
        Whether the setting was chosen on the tuning half; else it is the default.
    settings : tuple of tuple of float
        Chosen, one for every seed.
    seg, spread : float
        Mean and standard deviation over the seeds.
    lead, low, high : float
        Over the tuned distance watershed on the same objects, with the 95 % interval.
    """

    data_set: str
    foreground: str
    method: str
    tuned: bool
    settings: tuple[Setting, ...]
    seg: float
    spread: float
    lead: float
    low: float
    high: float

    @property
    def name(self) -> str:
        """The method, and whether it was tuned."""
        return f"{self.method}, {'tuned' if self.tuned else 'default'}"


@dataclass(frozen=True)
class _Scored:
    """Scores of the objects of the scored halves: by seed, by frame."""

    settings: tuple[Setting, ...]
    scores: tuple[dict[str, NDArray[np.float64]], ...]


def standings(arena: Arena, contest: Contest) -> Iterator[Standing]:
    """Read the finished bouts of a data set, best first for every foreground."""
    for foreground in arena.foregrounds:
        rival = _scored(arena, contest, foreground, RIVAL, tuned=True)
        rows = []
        for name in arena.methods:
            method = arena.method(name)
            kinds = [True] if len(method.grid) > 1 else []
            kinds += [False] if method.default is not None else []
            for tuned in kinds:
                own = _scored(arena, contest, foreground, name, tuned=tuned)
                means = [np.concatenate(list(one.values())).mean() for one in own.scores]
                mean, spread = float(np.mean(means)), float(np.std(means))
                where = (contest.data_set, foreground, name, tuned, own.settings)
                rows.append(Standing(*where, mean, spread, *_lead(own, rival)))
        yield from sorted(rows, key=lambda row: -row.seg)


def _scored(arena: Arena, contest: Contest, foreground: str, name: str, *, tuned: bool) -> _Scored:
    method = arena.method(name)
    known = seeds_of(arena, method, foreground)
    settings, scores = [], []
    for seed in arena.seeds:
        used = seed if seed in known else known[0]
        found = {
            frame.name: Bout(arena, contest, frame, foreground, used, name).scores()
            for frame in contest.frames
        }
        learned, scored = halves(contest, seed)
        if tuned:
            means = [
                np.concatenate([found[frame.name][index] for frame in learned]).mean()
                for index in range(len(method.grid))
            ]
            chosen = int(np.argmax(means))
        else:
            assert method.default is not None
            chosen = list(method.grid).index(method.default)
        settings.append(method.grid[chosen])
        scores.append({frame.name: found[frame.name][chosen] for frame in scored})
    return _Scored(tuple(settings), tuple(scores))


def _lead(own: _Scored, rival: _Scored) -> tuple[float, float, float]:
    """Mean of the paired differences, and its interval when frames are drawn with replacement.

    Objects of a frame share their image and their annotator: drawing objects would promise
    more than there is.
    """
    by_frame: dict[str, list[NDArray[np.float64]]] = {}
    for mine, theirs in zip(own.scores, rival.scores, strict=True):
        for frame, scores in mine.items():
            by_frame.setdefault(frame, []).append(scores - theirs[frame])
    sums = np.array([sum(part.sum() for part in parts) for parts in by_frame.values()])
    counts = np.array([sum(part.size for part in parts) for parts in by_frame.values()])
    drawn = np.random.default_rng(0).integers(len(sums), size=(_DRAWS, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(sums.sum() / counts.sum()), float(low), float(high)


def table(rows: Sequence[Standing]) -> str:
    """Write standings as Markdown."""
    lines = [
        "| data set | foreground | method | SEG | ± | lead | 95 % interval | settings |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        settings = "; ".join(" ".join(f"{value:g}" for value in one) for one in row.settings)
        lines.append(
            f"| {row.data_set} | {row.foreground} | {row.name} | {row.seg:.3f} | {row.spread:.3f} "
            f"| {row.lead:+.3f} | {row.low:+.3f} to {row.high:+.3f} | {settings} |"
        )
    return "\n".join(lines) + "\n"
