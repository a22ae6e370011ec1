"""Undo and redo without limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.partition.corrections.edits import Edit, LabelImage
from napari_inpaintaff.partition.corrections.state import LabelState


class EditHistory:
    """A list of edits and a position in it.

    Parameters
    ----------
    edits : sequence of Edit, optional
        Oldest first.
    position : int, optional
        How many of them are applied; by default all.
    """

    def __init__(self, edits: Sequence[Edit] = (), position: int | None = None) -> None:
        self._edits = list(edits)
        self._position = len(self._edits) if position is None else position
        if not 0 <= self._position <= len(self._edits):
            raise ParameterError(
                f"the position must be from 0 to {len(self._edits)}, got {self._position}"
            )

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All edits, oldest first; those from the position on are undone."""
        return tuple(self._edits)

    @property
    def position(self) -> int:
        """How many edits are applied."""
        return self._position

    @property
    def to_undo(self) -> Edit | None:
        """The edit that an undo would revert."""
        return self._edits[self._position - 1] if self._position else None

    @property
    def to_redo(self) -> Edit | None:
        """The edit that a redo would apply."""
        return self._edits[self._position] if self._position < len(self._edits) else None

    def push(self, edit: Edit) -> None:
        """Add an edit that was applied; the undone ones are forgotten."""
        del self._edits[self._position :]
        self._edits.append(edit)
        self._position += 1

    def back(self) -> None:
        """Note that `to_undo` was reverted."""
        self._position -= 1

    def forward(self) -> None:
        """Note that `to_redo` was applied."""
        self._position += 1


class Corrections:
    """A label image, its locks, and all that was done to them.

    Parameters
    ----------
    labels : array of integers >= 0, shape (Y, X)
        0 is background. It is copied.
    locked : iterable of int, optional
        Segments that must not change.
    history : EditHistory, optional
        What was done until now; the labels are those at its position.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_inpaintaff.partition.corrections import merge
    >>> corrections = Corrections(np.array([[1, 1, 2, 0]]))
    >>> edit = corrections.do(merge(corrections.state, [1, 2]))
    >>> corrections.state.labels
    array([[1, 1, 1, 0]])
    >>> edit = corrections.undo()
    >>> corrections.state.labels
    array([[1, 1, 2, 0]])
    """

    def __init__(
        self,
        labels: LabelImage,
        *,
        locked: Iterable[int] = (),
        history: EditHistory | None = None,
    ) -> None:
        self.state = LabelState(labels, locked=locked)
        self.history = history or EditHistory()

    @property
    def untouched(self) -> bool:
        """Whether nothing was done, and nothing is locked."""
        return not self.history.edits and not self.state.locked

    def do(self, edit: Edit) -> Edit:
        """Apply an edit and remember it.

        Raises
        ------
        CorrectionError
            When it would change a locked segment. Nothing was changed then.
        """
        self.state.apply(edit)
        self.history.push(edit)
        return edit

    def undo(self) -> Edit | None:
        """Revert the last edit and return it; None when there is nothing to undo."""
        edit = self.history.to_undo
        if edit is not None:
            self.state.revert(edit)
            self.history.back()
        return edit

    def redo(self) -> Edit | None:
        """Apply the edit that was undone last and return it; None when there is none."""
        edit = self.history.to_redo
        if edit is not None:
            self.state.apply(edit)
            self.history.forward()
        return edit
