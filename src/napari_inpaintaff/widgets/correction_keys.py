"""Keys and mouse of a layer under correction, and the way to give them back."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from app_model.types import KeyCode, KeyMod
from napari.layers import Labels

#: Action, keys, how people read them. None is a key of napari for Labels layers but the last
#: two, which mean the same there: undo and redo, of napari's strokes only.
SHORTCUTS: dict[str, tuple[tuple[int, ...], str]] = {
    "merge": ((KeyCode.KeyJ,), "J"),
    "lock": ((KeyCode.KeyK,), "K"),
    "delete": ((KeyCode.KeyD, KeyCode.Delete), "D"),
    "split": ((KeyCode.KeyS,), "S"),
    "relink": ((KeyCode.KeyR,), "R"),
    "next": ((KeyCode.KeyN,), "N"),
    "previous": ((KeyMod.Shift | KeyCode.KeyN,), "Shift+N"),
    "undo": ((KeyMod.CtrlCmd | KeyCode.KeyZ,), "Ctrl+Z"),
    "redo": ((KeyMod.CtrlCmd | KeyMod.Shift | KeyCode.KeyZ,), "Ctrl+Shift+Z"),
}

#: A click that moves further than this, in pixels of the screen, is a drag.
_CLICK = 4.0


class LayerBindings:
    """Binds actions to keys of a layer, and clicks to a function, until released.

    Parameters
    ----------
    layer : Labels
        The layer; its bindings win over those of all Labels layers.
    actions : dict of str to callable
        By the names in `SHORTCUTS`.
    on_click : callable
        Called with the segment under a click, and whether Shift was down.
    """

    def __init__(
        self,
        layer: Labels,
        actions: dict[str, Callable[[], None]],
        on_click: Callable[[int, bool], None],
    ) -> None:
        self._layer = layer
        self._on_click = on_click
        self._unbound: dict[int, Any] = {}
        for name, action in actions.items():
            for key in SHORTCUTS[name][0]:
                self._unbound[key] = layer.bind_key(key, _pressed(action), overwrite=True)
        layer.mouse_drag_callbacks.append(self._follow_mouse)

    def release(self) -> None:
        """Give back keys and mouse."""
        for key, before in self._unbound.items():
            self._layer.bind_key(key, before, overwrite=True)
        self._unbound.clear()
        if self._follow_mouse in self._layer.mouse_drag_callbacks:
            self._layer.mouse_drag_callbacks.remove(self._follow_mouse)

    def _follow_mouse(self, layer: Labels, event: Any) -> Generator[None, None, None]:
        # In the other modes a click paints or fills.
        if layer.mode not in ("pan_zoom", "pick") or event.button != 1:
            return
        shift = "Shift" in event.modifiers
        start, moved = event.pos, False
        segment = layer.get_value(
            event.position,
            view_direction=event.view_direction,
            dims_displayed=event.dims_displayed,
            world=True,
        )
        yield
        while event.type == "mouse_move":
            distance = max(abs(now - then) for now, then in zip(event.pos, start, strict=True))
            moved = moved or distance > _CLICK
            yield
        if not moved:
            self._on_click(int(segment or 0), shift)


def _pressed(action: Callable[[], None]) -> Callable[[Labels], None]:
    def run(layer: Labels) -> None:
        action()

    return run
