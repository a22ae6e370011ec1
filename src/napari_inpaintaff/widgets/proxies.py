"""napari hands viewers and layers to plugins in proxies, which come and go."""

from __future__ import annotations

from typing import TypeVar

ThingT = TypeVar("ThingT")


def itself(thing: ThingT) -> ThingT:
    """Return a viewer or layer without its proxy, to be remembered by identity."""
    wrapped: ThingT = getattr(thing, "__wrapped__", thing)
    return wrapped
