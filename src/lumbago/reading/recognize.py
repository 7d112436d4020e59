"""What a file looks like, whatever its name says: the second half of every refusal."""

from __future__ import annotations

import json
import re
from pathlib import Path

_BEGINNING = 4096
_HDF5 = b"\x89HDF\r\n\x1a\n"
_MAGIC = (
    (b"/annex/objects", "a git-annex pointer (run datalad get)"),
    (b".git/annex", "a git-annex pointer (run datalad get)"),
    (b"version https://git-lfs", "a git LFS pointer (run git lfs pull)"),
    (_HDF5, "an HDF5 file"),
    (b"\x93NUMPY", "a numpy array (.npy)"),
    (b"PK\x03\x04", "a zip archive (.npz, .xlsx or the like)"),
    (b"\xd0\xcf\x11\xe0", "an Excel or Word document of the old kind"),
    (b"\x1f\x8b", "a gzip-compressed file"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\x80\x05\x95", "a Python pickle"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
_LINE, _TABLE, _NUMBERS, _PLAIN = (
    "a single line of text",
    "a table",
    "rows of numbers",
    "plain text",
)
_BINARY = "binary data"
_NO_UTF8 = "binary data or text that is not UTF-8"
_EMPTY = "an empty file"
_GROUP = "a FreeSurfer group table"
_PARTED = {"\t": "a tab-separated table", ",": "a CSV table", ";": "a semicolon-separated table"}
# Text that is no UTF-8, or holds NUL, is for the tables' readers to explain, line by line.
_TABLES = {_LINE, _TABLE, _NUMBERS, _PLAIN, _BINARY, _NO_UTF8, _EMPTY, _GROUP, "UTF-16 text",
           *_PARTED.values()}  # fmt: skip
_AFTER_POINTER = 2  # the first marks may stand anywhere in a pointer, the others only in front


def looks_like(start: bytes) -> str:
    """Say what a file is, from its first bytes (a few thousand are plenty).

    >>> looks_like(b"<!DOCTYPE html><html>")
    'an HTML page (a download that failed?)'
    >>> looks_like(b"a,b\\n1,2\\n")
    'a CSV table'
    """
    if not start:
        return _EMPTY
    for at, (mark, name) in enumerate(_MAGIC):
        if start.startswith(mark) or (at < _AFTER_POINTER and mark in start[:512]):
            return name
    if start.startswith(b"MATLAB 7.3"):
        return "a MATLAB 7.3 file (HDF5 inside)"
    if start.startswith(b"MATLAB 5.0"):
        return "a MATLAB file (.mat)"
    if start[344:348] in (b"n+1\0", b"ni1\0") or start[4:8] in (b"n+2\0", b"ni2\0"):
        return "a NIfTI image"
    try:
        text = start.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        if e.start < len(start) - 4:
            return _NO_UTF8
        text = start[: e.start].decode("utf-8-sig")
    if "\0" in text:
        return _BINARY
    return _of_text(text)


def what_is(path: Path | str) -> str:
    """Say what lies at a path; never raises."""
    path = Path(path)
    try:
        if path.is_dir():
            return "a folder"
        with open(path, "rb") as f:
            return looks_like(f.read(_BEGINNING))
    except OSError:
        if path.is_symlink():
            return "a broken link (run datalad get)"
        return "a file that is missing or cannot be opened"


def unlike(path: Path | str, expected: str) -> str:
    """Return the sentence: which file, what it looks like, what was expected."""
    return f"{Path(path).name}: looks like {what_is(path)}; expected {expected}"


def is_table(start: bytes) -> bool:
    """Tell whether the bytes may be a table of text, and not another kind of file."""
    return looks_like(start) in _TABLES


def _of_text(text: str) -> str:
    lines = [line for line in re.split(r"\r\n|\n|\r", text) if line.strip()]
    if not lines:
        return _EMPTY
    first = lines[0].strip()
    low = first.lower()
    if low.startswith(("<!doctype html", "<html")):
        return "an HTML page (a download that failed?)"
    if low.startswith("<?xml") or low.startswith("<gifti"):
        return "an XML file (GIFTI?)"
    if first[0] in "{[" and _is_json(text):
        return "a JSON file"
    if any(line.startswith("# ColHeaders") for line in lines) or "FreeSurfer" in first:
        return "a FreeSurfer stats file"
    if re.match(r"(Measure:\w+|[lr]h\.[\w.+-]+\.\w+)[\t, ]", first):
        return _GROUP
    lines = [line for line in lines if not line.startswith("#")] or lines
    first = lines[0]
    if len(lines) < 2:
        return _TABLE if "\t" in first or "," in first else _LINE
    if all(_is_number(cell) for cell in re.split(r"[\s,;]+", first.strip())):
        return _NUMBERS
    for mark, name in _PARTED.items():
        if mark in first:
            return name
    return _PLAIN


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return len(text) >= _BEGINNING - 8 or bool(re.match(r'[{\[]\s*"', text))
    except RecursionError:
        return True
    return True


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
