"""What the metadata of a TIFF file says about channels and the size of pixels."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import tifffile

from napari_inpaintaff.images.units import UNKNOWN_UNIT, in_meters, unit_name

#: The largest pixel that the resolution of a plain TIFF is believed to give, in meters.
#: Pixels of cameras are smaller, the dots per inch of print and screens are larger.
_LARGEST_PLAIN_PIXEL = 20e-6


def channel_names(tiff: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> tuple[str, ...]:
    """Return the names of the channels that OME metadata gives, if it names every one."""
    if not (tiff.is_ome and tiff.ome_metadata and "C" in series.axes):
        return ()
    pixels = ElementTree.fromstring(tiff.ome_metadata).find(".//{*}Pixels")
    channels = [] if pixels is None else pixels.findall("{*}Channel")
    names = tuple(channel.get("Name", "") for channel in channels)
    return names if all(names) and len(names) == series.shape[series.axes.index("C")] else ()


def physical_scale(tiff: tifffile.TiffFile) -> tuple[dict[str, float], dict[str, str]]:
    """Return the known scales and units by axis, from the best source that the file has."""
    if tiff.is_ome and tiff.ome_metadata:
        found = _ome_scale(tiff.ome_metadata)
    elif tiff.is_imagej and tiff.imagej_metadata:
        found = _imagej_scale(tiff)
    elif tiff.is_svs:
        found = _aperio_scale(tiff.pages.first.description)
    else:
        found = _plain_scale(tiff.pages.first)
    usable = {
        axis: (step, unit)
        for axis, (step, unit) in found.items()
        if math.isfinite(step) and step > 0
    }
    return (
        {axis: step for axis, (step, _) in usable.items()},
        {axis: unit for axis, (_, unit) in usable.items()},
    )


def _ome_scale(xml: str) -> dict[str, tuple[float, str]]:
    pixels = ElementTree.fromstring(xml).find(".//{*}Pixels")
    found = {}
    for axis in "XYZT":
        key, default = ("TimeIncrement", "s") if axis == "T" else (f"PhysicalSize{axis}", "µm")
        value = None if pixels is None else pixels.get(key)
        if pixels is not None and value is not None:
            found[axis] = (_number(value), unit_name(pixels.get(f"{key}Unit", default)))
    return found


def _imagej_scale(tiff: tifffile.TiffFile) -> dict[str, tuple[float, str]]:
    metadata = tiff.imagej_metadata or {}
    unit = unit_name(str(metadata.get("unit", "")))
    found = {}
    if unit != UNKNOWN_UNIT:
        # ImageJ writes pixels per unit; without a unit the tag is a printer's resolution.
        x, y = _resolution(tiff.pages.first)
        found = {"X": (1 / x if x else math.nan, unit), "Y": (1 / y if y else math.nan, unit)}
        found["Z"] = (_number(metadata.get("spacing", 1.0)), unit)
    if "finterval" in metadata:
        found["T"] = (_number(metadata["finterval"]), unit_name(str(metadata.get("tunit", "s"))))
    return found


def _aperio_scale(description: str) -> dict[str, tuple[float, str]]:
    """Return what an Aperio slide scanner writes: fields, and one of micrometers per pixel."""
    fields = dict(field.partition("=")[::2] for field in description.split("|")[1:])
    known = {name.strip(): value for name, value in fields.items()}
    step = _number(known.get("MPP", "").strip())
    return dict.fromkeys("YX", (step, "micrometer"))


def _plain_scale(page: tifffile.TiffPage) -> dict[str, tuple[float, str]]:
    x, y = _resolution(page)
    unit = {2: "inch", 3: "centimeter"}.get(int(page.resolutionunit))
    per = in_meters(unit) if unit else None
    if per is None or not x or not y or max(per / x, per / y) > _LARGEST_PLAIN_PIXEL:
        return {}
    return {"X": (1e6 * per / x, "micrometer"), "Y": (1e6 * per / y, "micrometer")}


def _resolution(page: tifffile.TiffPage) -> tuple[float, float]:
    """Return the resolution tags (x, y), 0 where missing or broken."""
    numbers = []
    for name in ("XResolution", "YResolution"):
        tag = page.tags.get(name)
        value = (0, 1) if tag is None else tag.value
        numbers.append(value[0] / value[1] if value[1] else 0.0)
    return numbers[0], numbers[1]


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return math.nan
