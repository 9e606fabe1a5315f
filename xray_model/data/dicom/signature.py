"""How a DICOM file begins: told without the libraries that read one."""

MAGIC = b"DICM"
PREAMBLE = 128
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")
_ELEMENT_HEADER = 8


def is_dicom(data: bytes) -> bool:
    """Whether bytes begin like a DICOM file, with or without its preamble."""
    if data[PREAMBLE : PREAMBLE + len(MAGIC)] == MAGIC:
        return True
    if data[:2] not in _FIRST_GROUPS or len(data) < _ELEMENT_HEADER or data[3] != 0:
        return False
    return is_explicit(data, 0) or data[6:8] == b"\0\0"


def is_explicit(data: bytes, start: int) -> bool:
    """Whether the element that begins at `start` names its value representation, in two capital letters."""
    representation = data[start + 4 : start + 6]
    return representation.isalpha() and representation.isupper()
