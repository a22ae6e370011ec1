"""The commands that tell what is there: models, info."""

from __future__ import annotations

import argparse
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from napari_inpaintaff.cli.options import Commands, add_command
from napari_inpaintaff.errors import DeviceError, ModelFileError
from napari_inpaintaff.networks.compute import DEVICES

if TYPE_CHECKING:
    from napari_inpaintaff.inpainting.model_metadata import ModelMetadata
    from napari_inpaintaff.networks.catalogue import NamedModel

_PACKAGES = ("numpy", "scipy", "scikit-image", "tifffile", "bioimage-cpp", "torch", "napari")


def add_commands(commands: Commands) -> None:
    """Add models and info."""
    add_command(
        commands,
        "models",
        run_models,
        "list the models that have a name",
        "Inpainters take patches apart; students and AffNets need one pass; FGNets find the "
        "foreground. Model files in the folder named at the end are found by name, too.",
    )
    add_command(
        commands,
        "info",
        run_info,
        "versions, devices, threads, precision, and which mutex watershed",
    )


def run_models(options: argparse.Namespace) -> None:
    """Print a table of the shipped and the user's models."""
    from napari_inpaintaff.foreground import (
        FGNetMetadata,
        available_fgnets,
        available_foreground_models,
    )
    from napari_inpaintaff.inpainting import user_model_folder
    from napari_inpaintaff.separation import available_models

    print(f"{'name':<20} {'kind':<10} {'network':<8} {'diameter':>8}  trained on")
    for entry in (*available_models(), *available_fgnets()):
        metadata = entry.metadata
        print(
            f"{entry.name:<20} {metadata.kind:<10} {metadata.architecture.kind:<8} "
            f"{metadata.usual_diameter:>5.0f} px  {_source(metadata)}"
        )
    for model in available_foreground_models():
        if model.kind != FGNetMetadata.kind:
            print(f"{model.name:<20} {model.kind:<10} {'-':<8} {'-':>8}  {_unlabelled(model)}")
    print(f"folder of your own models: {user_model_folder()}")


def _source(metadata: ModelMetadata) -> str:
    """Say in a few words what a model has learned from."""
    training = metadata.training
    source = str(training.get("data", "unknown"))
    if metadata.kind == "student":
        return f"what {training.get('teacher', 'an inpainter')} found in {source}"
    cells = training.get("instances", training.get("labelled_cells"))
    return f"{cells} labelled cells in {source}" if cells is not None else source


def _unlabelled(model: NamedModel) -> str:
    """Say in a few words what a network that needs no labels has learned from."""
    from napari_inpaintaff.networks.model_file import read_model_metadata

    try:
        training = read_model_metadata(model.path, model.kind).get("training")
    except ModelFileError as error:
        return str(error)
    return str(training.get("data", "unknown")) if isinstance(training, dict) else "unknown"


def run_info(options: argparse.Namespace) -> None:
    """Print what a bug report needs."""
    import torch

    from napari_inpaintaff.networks import bfloat16_speedup, inference_dtype, pick_device
    from napari_inpaintaff.partition import mutex_watershed_backend

    print(f"napari-inpaintaff  {version('napari-inpaintaff')}")
    print(f"python             {platform.python_version()} on {platform.platform()}")
    for package in _PACKAGES:
        print(f"{package:<18} {_version(package)}")
    chosen = pick_device("auto")
    for name in DEVICES[1:]:
        try:
            device = pick_device(name)
        except DeviceError:
            print(f"{'device ' + name:<18} not available")
            continue
        precision = str(inference_dtype(device)).removeprefix("torch.")
        if name == "cpu":
            precision += f" (bfloat16 is {bfloat16_speedup():.1f} times as fast as float32)"
        default = ", the default" if device == chosen else ""
        print(f"{'device ' + name:<18} {precision}{default}")
    print(f"{'threads':<18} {torch.get_num_threads()}")
    print(f"{'mutex watershed':<18} {mutex_watershed_backend()}")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
