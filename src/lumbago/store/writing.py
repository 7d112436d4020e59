"""Files and folders written so that a reader sees all of them or nothing."""

from __future__ import annotations

import os
import platform
import re
import secrets
import time
from pathlib import Path

from lumbago.provenance import digest

_TEMPORARY = re.compile(r"\.tmp-([0-9a-f]{8})-(\d+)-[0-9a-f]+")
_FORGOTTEN_AFTER = 3 * 24 * 3600.0
"""Age in seconds after which an unfinished entry of another machine counts as abandoned."""


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part."""
    temporary = path.parent / temporary_name()
    try:
        with open(temporary, "xb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    flush_folder(path.parent)


def _machine() -> str:
    """Return eight digits that tell this machine since its start from others, and name nobody."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        boot = ""
    return digest(platform.node(), boot)[:8]


def temporary_name() -> str:
    """Return a name that nobody else takes and that tells which process left it behind."""
    return f".tmp-{_machine()}-{os.getpid()}-{secrets.token_hex(6)}"


def abandoned(left: Path) -> bool:
    """Tell whether a file or folder is unfinished and the process that wrote it is gone."""
    match = _TEMPORARY.fullmatch(left.name)
    if match is None:
        return False
    machine, pid = match[1], int(match[2])
    try:
        age = time.time() - left.stat().st_mtime
    except OSError:
        return False
    if age > _FORGOTTEN_AFTER:
        return True
    if machine != _machine():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def flush_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, so that a power cut keeps them."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # systems that cannot open folders flush the rename themselves
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
