"""Reading and writing images: axes, scale, regions and sample data."""

from napari_inpaintaff.images.affinity_files import (
    AFFINITY_SUFFIXES,
    SavedAffinities,
    read_affinities,
    read_affinity_file,
    write_affinities,
)
from napari_inpaintaff.images.axes import ImageData, LazyImage
from napari_inpaintaff.images.challenge_masks import write_challenge_masks
from napari_inpaintaff.images.channels import ChannelChoice, parse_channel
from napari_inpaintaff.images.colour import read_colours
from napari_inpaintaff.images.digit_scenes import TwoDigitScenes, two_digit_scenes
from napari_inpaintaff.images.files import atomic_path, check_writable
from napari_inpaintaff.images.fingerprint import pixel_fingerprint
from napari_inpaintaff.images.gather import gather_planes, images_in
from napari_inpaintaff.images.imagej_rois import ROI_SUFFIXES, write_rois
from napari_inpaintaff.images.label_formats import LABEL_FORMATS, LabelFormat
from napari_inpaintaff.images.layered_scenes import (
    HUES,
    PLACEMENTS,
    Hues,
    LayeredScenes,
    Placement,
    layered_scenes,
)
from napari_inpaintaff.images.normalise import (
    ModelNormalisation,
    Normalisation,
    NormalisationKind,
    estimate_normalisation,
)
from napari_inpaintaff.images.ome_zarr_writing import ZARR_SUFFIXES, write_ome_zarr_labels
from napari_inpaintaff.images.opened import OpenedImage, open_planes
from napari_inpaintaff.images.patches import origins_with, patch_grids, patch_origins
from napari_inpaintaff.images.pictures import Picture, iterate_pictures
from napari_inpaintaff.images.planes import Plane, PlaneCollection, SkippedImage, planes_of
from napari_inpaintaff.images.png_files import write_png
from napari_inpaintaff.images.reading import (
    channel_count,
    read_image,
    read_label_image,
    read_labels,
    read_mask,
)
from napari_inpaintaff.images.regions import Region, check_region, parse_region
from napari_inpaintaff.images.samples import SAMPLES, SampleSource, download_sample
from napari_inpaintaff.images.simulation import simulate_dense_nuclei
from napari_inpaintaff.images.windows import (
    ArrayPlane,
    PlaneReader,
    grown,
    sample_windows,
    size_of,
    within,
)
from napari_inpaintaff.images.writing import TIFF_SUFFIXES, write_array, write_labels

__all__ = [
    "AFFINITY_SUFFIXES",
    "HUES",
    "LABEL_FORMATS",
    "PLACEMENTS",
    "ROI_SUFFIXES",
    "SAMPLES",
    "TIFF_SUFFIXES",
    "ZARR_SUFFIXES",
    "ArrayPlane",
    "ChannelChoice",
    "Hues",
    "ImageData",
    "LabelFormat",
    "LayeredScenes",
    "LazyImage",
    "ModelNormalisation",
    "Normalisation",
    "NormalisationKind",
    "OpenedImage",
    "Picture",
    "Placement",
    "Plane",
    "PlaneCollection",
    "PlaneReader",
    "Region",
    "SampleSource",
    "SavedAffinities",
    "SkippedImage",
    "TwoDigitScenes",
    "atomic_path",
    "channel_count",
    "check_region",
    "check_writable",
    "download_sample",
    "estimate_normalisation",
    "gather_planes",
    "grown",
    "images_in",
    "iterate_pictures",
    "layered_scenes",
    "open_planes",
    "origins_with",
    "parse_channel",
    "parse_region",
    "patch_grids",
    "patch_origins",
    "pixel_fingerprint",
    "planes_of",
    "read_affinities",
    "read_affinity_file",
    "read_colours",
    "read_image",
    "read_label_image",
    "read_labels",
    "read_mask",
    "sample_windows",
    "simulate_dense_nuclei",
    "size_of",
    "two_digit_scenes",
    "within",
    "write_affinities",
    "write_array",
    "write_challenge_masks",
    "write_labels",
    "write_ome_zarr_labels",
    "write_png",
    "write_rois",
]
