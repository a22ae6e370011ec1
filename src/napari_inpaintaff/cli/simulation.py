"""The command that writes simulated scenes: simulate-scenes."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_inpaintaff.cli.options import Commands, add_command, add_seed, given
from napari_inpaintaff.errors import ParameterError

# Kept here, not imported: --help must be fast.
KINDS = ("layered", "digits")
PLACEMENTS = ("whole", "cropped")
HUES = ("opposite", "own")
_COUNT, _SIDE = 100, 128


def add_commands(commands: Commands) -> None:
    """Add simulate-scenes."""
    command = add_command(
        commands,
        "simulate-scenes",
        run_simulate_scenes,
        "colour images with known masks, to measure how a foreground is found",
        "Writes images (PNG) and masks (TIFF): a textured object before a textured background, "
        "which brightness does not tell apart, or an odd and an even digit.",
    )
    command.add_argument(
        "-o", "--output", metavar="FOLDER", type=Path, required=True, help="folder to write to"
    )
    command.add_argument(
        "--count", metavar="N", type=int, default=_COUNT, help=f"scenes (default {_COUNT})"
    )
    command.add_argument(
        "--side",
        metavar="PIXELS",
        type=int,
        default=_SIDE,
        help=f"height and width of a scene (default {_SIDE})",
    )
    command.add_argument(
        "--kind",
        choices=KINDS,
        default="layered",
        help="layered: one object, mask 1 (default); digits: an odd digit, 1, and an even one, 2",
    )
    command.add_argument(
        "--placement",
        choices=PLACEMENTS,
        help="of layered: whether an object is wholly within the frame or may be cropped by it "
        "(default cropped)",
    )
    command.add_argument(
        "--hues",
        choices=HUES,
        help="of layered: objects have about the opposite hue of their background (default), or "
        "a warm one before a cold background, each whatever the other is",
    )
    add_seed(command)


def run_simulate_scenes(options: argparse.Namespace) -> None:
    """Write simulated scenes."""
    from napari_inpaintaff.images import layered_scenes, two_digit_scenes
    from napari_inpaintaff.images.scene_files import write_scenes

    count, side, seed = options.count, options.side, options.seed
    if options.kind == "digits":
        for name in ("placement", "hues"):
            if getattr(options, name) is not None:
                raise ParameterError(f"--{name} has no meaning for digits: leave it out")
        digits = two_digit_scenes(count, side, seed=seed)
        write_scenes(options.output, digits.images, digits.regions)
    else:
        chosen = given(options, placement="placement", hues="hues")
        layered = layered_scenes(count, side, seed=seed, **chosen)
        write_scenes(options.output, layered.images, layered.masks)
    print(f"{options.output}: {count} scenes of {side} x {side} pixels in images and masks")
