"""DICOM files: what their header says of an image, without identities, and their pixels."""
