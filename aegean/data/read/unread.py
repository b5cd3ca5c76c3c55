"""What a file is that no library here reads as a picture, told by its first bytes."""

from __future__ import annotations

from collections.abc import Collection

BRANDS = {  # brands of files in boxes: their format, and what such a file is where no library reads it
    **dict.fromkeys((b"avif", b"avis"), ("AVIF", "an AVIF image, which needs pip install -U pillow")),
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
        ("HEIF", "a HEIC photograph, which needs pip install 'aegean[heic]'"),
    ),
}
OTHERS = (  # first bytes, from a place on, and what such a file is
    (4, b"ftypM4A", "a sound"),
    (4, b"ftyp", "a video"),  # MP4, QuickTime, 3GP
    (4, b"moov", "a video"),
    (4, b"mdat", "a video"),
    (0, b"\x1a\x45\xdf\xa3", "a video"),  # Matroska, WebM
    (8, b"AVI ", "a video"),
    (0, b"\0\0\x01\xba", "a video"),  # MPEG
    (0, b"\0\0\x01\xb3", "a video"),
    (0, b"FLV\x01", "a video"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a video or a sound"),  # ASF
    (8, b"WAVE", "a sound"),
    (0, b"ID3", "a sound"),
    (0, b"OggS", "a sound or a video"),
    (0, b"fLaC", "a sound"),
    (0, b"%PDF", "a PDF"),
    (0, b"%!PS", "a PostScript drawing"),
    (0, b"\x93NUMPY", "a NumPy array, to be given alone"),
    (0, b"PK\x03\x04", "a zip or a document of Office: to be unpacked, given alone as .zip, or saved as .csv"),
    (0, b"8BPS", "a Photoshop file, to be saved as PNG"),
    (0, b"<svg", "an SVG drawing, to be saved as PNG"),
    (0, b"<?xml", "XML text, perhaps an SVG drawing, to be saved as PNG"),
    (0, b"<!DOCTYPE", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"version https://git-lfs", "a pointer of Git LFS: fetch the image with git lfs pull"),
    (0, b"II*\0", "a TIFF or raw photograph of a form that is not read, to be saved as PNG"),
    (0, b"MM\0*", "a TIFF or raw photograph of a form that is not read, to be saved as PNG"),
    (0, b"\xff\x0a", "a JPEG XL image, to be saved as PNG"),
    (4, b"JXL ", "a JPEG XL image, to be saved as PNG"),
    (0, b"P7\n", "a PAM image, to be saved as PNG"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR image, to be saved as an array (.npy)"),
    (0, b"SIMPLE  =", "a FITS file, to be saved as an array (.npy)"),
    (0, b"\x89HDF", "an HDF5 file, to be saved as an array (.npy)"),
    (0, b"\0\0\1\0", "an icon, to be saved as PNG"),
    (0, b"\x1f\x8b", "a gzip archive, to be unpacked"),
    (0, b"Rar!", "a RAR archive, to be unpacked"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive, to be unpacked"),
    (128, b"DICM", "a DICOM file, to be saved as PNG or as an array (.npy)"),
    (0, b"PAR1", "a Parquet table: give its folder as hub:FOLDER"),
)
LONGEST = max(place + len(mark) for place, mark, _ in OTHERS)


def what_else(head: bytes, formats: Collection[str]) -> str:
    """What a file that is no picture is, by its first bytes; "": unknown. formats: those that can be read."""
    if not head:
        return "an empty file"
    if head[4:8] == b"ftyp" and head[8:12] in BRANDS:
        format, name = BRANDS[head[8:12]]
        return "" if format in formats else name
    return next((name for place, mark, name in OTHERS if head[place:].startswith(mark)), "")
