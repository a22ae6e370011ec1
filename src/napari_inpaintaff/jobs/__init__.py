"""What a long run is: typed progress, pause and cancel, without Qt and torch."""

from napari_inpaintaff.jobs.job import Cancelled, Job, JobState, checkpoint
from napari_inpaintaff.jobs.progress import Progress, seconds_left
from napari_inpaintaff.jobs.updates import retell

__all__ = ["Cancelled", "Job", "JobState", "Progress", "checkpoint", "retell", "seconds_left"]
