"""Names of physical units: what files write, and the one name used here.

Inside the program a unit has the name that napari (through pint) uses, such as
``"micrometer"`` or ``"second"``; ``"pixel"`` means that nothing is known.
"""

from __future__ import annotations

#: The name of an unknown unit: the scale counts pixels, planes or frames.
UNKNOWN_UNIT = "pixel"

#: Symbols of the OME-XML schema (2016-06) for the units of length.
_OME_LENGTHS = {
    "picometer": "pm",
    "angstrom": "Å",
    "nanometer": "nm",
    "micrometer": "µm",
    "millimeter": "mm",
    "centimeter": "cm",
    "decimeter": "dm",
    "meter": "m",
    "kilometer": "km",
    "inch": "in",
    "pixel": "pixel",
}

#: Symbols of the OME-XML schema (2016-06) for the units of time.
_OME_TIMES = {
    "nanosecond": "ns",
    "microsecond": "µs",
    "millisecond": "ms",
    "second": "s",
    "minute": "min",
    "hour": "h",
    "day": "d",
}

#: Spellings seen in files (ImageJ writes what the user typed), in lower case.
_SPELLINGS = {
    "um": "micrometer",
    "micron": "micrometer",
    "microns": "micrometer",
    "\\u00b5m": "micrometer",
    "us": "microsecond",
    "sec": "second",
    "secs": "second",
    "msec": "millisecond",
    "mins": "minute",
    "hr": "hour",
    "hrs": "hour",
    "inches": "inch",
    "pixels": "pixel",
    **{name: name for name in (*_OME_LENGTHS, *_OME_TIMES)},
    **{f"{name}s": name for name in (*_OME_LENGTHS, *_OME_TIMES)},
    **{name.replace("meter", "metre"): name for name in _OME_LENGTHS},
    **{symbol.lower(): name for name, symbol in {**_OME_LENGTHS, **_OME_TIMES}.items()},
}

_METERS = {
    "picometer": 1e-12,
    "angstrom": 1e-10,
    "nanometer": 1e-9,
    "micrometer": 1e-6,
    "millimeter": 1e-3,
    "centimeter": 1e-2,
    "decimeter": 1e-1,
    "meter": 1.0,
    "kilometer": 1e3,
    "inch": 0.0254,
}


def unit_name(text: str | None) -> str:
    """Return the name of a unit, whatever its spelling in a file.

    Parameters
    ----------
    text : str or None
        A symbol or name, such as ``"µm"``, ``"micron"`` or ``"Micrometer"``.

    Returns
    -------
    str
        ``"micrometer"``, ``"second"``, ...; ``"pixel"`` for an unknown unit.

    Examples
    --------
    >>> unit_name("µm"), unit_name("min"), unit_name("furlong")
    ('micrometer', 'minute', 'pixel')
    """
    if text is None:
        return UNKNOWN_UNIT
    # The micro sign and the Greek letter look alike and both occur in files.
    spelling = text.strip().replace("\N{GREEK SMALL LETTER MU}", "\N{MICRO SIGN}")
    return _SPELLINGS.get(spelling.lower(), UNKNOWN_UNIT)


def ome_symbol(unit: str, *, of_time: bool) -> str | None:
    """Return the OME-XML symbol of a unit, None when OME has no such unit of that kind."""
    return (_OME_TIMES if of_time else _OME_LENGTHS).get(unit_name(unit))


def plain_symbol(unit: str) -> str:
    """Return the symbol of a unit in letters that every program reads.

    Examples
    --------
    >>> plain_symbol("micrometer"), plain_symbol("second"), plain_symbol("pixel")
    ('um', 's', 'px')
    """
    name = unit_name(unit)
    if name in (UNKNOWN_UNIT, "angstrom"):
        return "px" if name == UNKNOWN_UNIT else name
    return {**_OME_LENGTHS, **_OME_TIMES}[name].replace("\N{MICRO SIGN}", "u")


def in_meters(unit: str) -> float | None:
    """Return the length of a unit in meters, None when it is unknown or not a length."""
    return _METERS.get(unit_name(unit))
