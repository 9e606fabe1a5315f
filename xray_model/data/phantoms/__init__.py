"""Synthetic chest X-rays, drawn from anatomy, in the layouts of the public sets.

A body in three dimensions (bones as shells, organs as slices, vessels as branching tubes) is projected along the
beam, given a finding, and developed as a scanner would. They are drawings: good for showing and testing the
pipeline, never for diagnosis, nor for training a model that is to see patients. The writer of DICOM files is asked for
by its own name, `phantoms.dicom`: it loads pydicom and GDCM, which nothing else here needs.
"""

from xray_model.data.phantoms.anatomy import Exposure, draw_chest
from xray_model.data.phantoms.bimcv import pack_bimcv, write_bimcv
from xray_model.data.phantoms.body import Body, draw_body
from xray_model.data.phantoms.broken import BrokenKind, write_broken_files
from xray_model.data.phantoms.class_folders import write_class_folders
from xray_model.data.phantoms.cohort import CohortOptions, Exam, Patient, plan_cohort
from xray_model.data.phantoms.writing import Answer, OnImage, Written

__all__ = [
    "Answer",
    "Body",
    "BrokenKind",
    "CohortOptions",
    "Exam",
    "Exposure",
    "OnImage",
    "Patient",
    "Written",
    "draw_body",
    "draw_chest",
    "pack_bimcv",
    "plan_cohort",
    "write_bimcv",
    "write_broken_files",
    "write_class_folders",
]
