"""The page of shortcuts names the keys that there are, ours and napari's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from app_model.types import KeyBinding
from napari.layers import Labels
from napari.utils.shortcuts import default_shortcuts

from napari_inpaintaff.widgets.correction_keys import SHORTCUTS

DOCS = Path(__file__).parents[2] / "docs"
#: What the page says that napari's keys do.
OF_NAPARI = {
    "activate_labels_paint_mode": "paint with the brush",
    "activate_labels_erase_mode": "erase",
    "activate_labels_polygon_mode": "draw a polygon and fill it",
    "activate_labels_fill_mode": "fill with the bucket",
    "activate_labels_picker_mode": "pick the label of a pixel",
    "activate_labels_pan_zoom_mode": "move the camera",
    "hold_for_pan_zoom": "move the camera while it is held",
    "decrease_brush_size": "make the brush smaller",
    "increase_brush_size": "make the brush larger",
    "decrease_label_id": "take the label before",
    "increase_label_id": "take the next label",
    "new_label": "take a label that is not used yet",
    "swap_selected_and_background_labels": "change between the label and background",
    "toggle_preserve_labels": "keep other labels while painting, or no longer",
    "toggle_selected_visibility": "show or hide the selected layers",
    "reset_view": "show the whole image",
    "toggle_grid": "show the layers beside each other",
}


def rows(heading: str) -> dict[str, set[str]]:
    """Read the tables below a heading: what is done, and the keys in that row."""
    page = (DOCS / "reference" / "shortcuts.md").read_text(encoding="utf8")
    (section,) = (part for part in page.split("\n## ") if part.startswith(heading))
    cells = re.findall(r"^\| (.+) \| (.+) \|$", section, flags=re.MULTILINE)
    # `Ctrl`+`Z` is one key.
    keys = {does: set(key.replace("`+`", "+").replace("`", "").split(", ")) for key, does in cells}
    return {does: key for does, key in keys.items() if key != {"---"} and key != {"press"}}


def written(keys: Iterable[int | KeyBinding]) -> set[str]:
    bindings = [k if isinstance(k, KeyBinding) else KeyBinding.from_int(k) for k in keys]
    return {str(binding).replace("Meta", "Ctrl") for binding in bindings}


def test_the_keys_of_correct_labels_are_those_of_the_page():
    table = rows("Correct labels")
    mouse_and_enter = [{"click"}, {"Shift+click"}, {"Enter"}]
    left = [keys for keys in table.values() if keys not in mouse_and_enter]
    assert len(left) == len(table) - len(mouse_and_enter)
    for name, (keys, label) in SHORTCUTS.items():
        assert label in written(keys)
        (found,) = (row for row, pressed in table.items() if pressed == written(keys))
        assert re.match(rf"(go to the )?{name}\b", found), (name, found)
    assert len(left) == len(SHORTCUTS)


def test_the_how_to_names_the_same_keys():
    page = (DOCS / "how-to" / "correct-labels.md").read_text(encoding="utf8")
    table = page[page.index("## Keys and mouse") : page.index("## Split a segment")]
    for _, label in SHORTCUTS.values():
        *modifiers, key = label.split("+")
        assert "+".join(f"`{part}`" for part in (*modifiers, key)) in table, label


@pytest.mark.parametrize("action", OF_NAPARI)
def test_the_keys_of_napari_are_those_of_the_page(action):
    table = rows("Painting, in napari") | rows("Elsewhere in napari")
    assert table[OF_NAPARI[action]] == written(default_shortcuts[f"napari:{action}"])


def test_no_key_of_corrections_has_another_meaning_on_labels_layers():
    """Undo and redo mean the same in both; everything else has to be free."""
    free = {key for name in SHORTCUTS if name not in ("undo", "redo") for key in SHORTCUTS[name][0]}
    ids = [name for name in default_shortcuts if "labels" in name or name in _LABELS_AND_VIEWER]
    taken = {key for name in ids for key in written(default_shortcuts[name])}
    assert written(free).isdisjoint(taken)
    assert written(free).isdisjoint(written(Labels.class_keymap))


_LABELS_AND_VIEWER = {
    f"napari:{name}"
    for name in (
        *OF_NAPARI,
        "reset_polygon",
        "complete_polygon",
        "toggle_unselected_visibility",
        "show_only_layer_above",
        "show_only_layer_below",
        "delete_selected_layers",
        "roll_axes",
        "transpose_axes",
        "toggle_ndisplay",
    )
}
