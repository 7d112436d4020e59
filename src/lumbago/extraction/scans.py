"""One task: one scan with all its missing features."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

from lumbago.data import Extraction, Scan
from lumbago.errors import EnvironmentProblem, LumbagoError, ScanRejected
from lumbago.extraction.kept import Rejected, save
from lumbago.extraction.wording import without_paths
from lumbago.store import Store

_NO_SPACE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS)


def measure_scan(
    scan: Scan,
    extractors: Mapping[str, Any],
    keys: Mapping[str, str | None],
    store: Store | None,
) -> dict[str, Extraction | Rejected]:
    """Measure one scan; save each feature as soon as it is there.

    Raises
    ------
    EnvironmentProblem
        If a disk is full: that is no fault of the scan.
    """
    from threadpoolctl import threadpool_limits

    from lumbago.reading.recording import Recording

    outcome: dict[str, Extraction | Rejected] = {}
    files = tuple(scan.files.values())
    with threadpool_limits(1):
        recording: Any = None
        for name, extractor in extractors.items():
            try:
                if recording is None:
                    recording = Recording(scan)
                value: Extraction | Rejected = extractor.extract(recording)
            except ScanRejected as error:
                value = Rejected(error.code, without_paths(error.reason, files))
            except LumbagoError:
                raise
            except ValueError as error:
                value = Rejected("E_REFUSED", without_paths(str(error), files))
            except Exception as error:
                if isinstance(error, OSError) and error.errno in _NO_SPACE:
                    raise EnvironmentProblem(
                        f"cannot write temporary files ({error.strerror}); everything finished so "
                        "far is safe, free some space or set TMPDIR and run again to resume"
                    ) from error
                what = f"{type(error).__name__}: {error}".rstrip(": ")
                value = Rejected("E_FAILED", without_paths(what, files), lasting=False)
            outcome[name] = value
            key = keys.get(name)
            if store is not None and key is not None:
                save(key, value, extractor, store)
    return outcome


def worker_died(
    scan: Scan, extractors: Mapping[str, Any], keys: Any, store: Any
) -> dict[str, Extraction | Rejected]:
    """Reject the scan whose measuring ends its process time and again."""
    reason = "the process that measured it ended twice, for want of memory most likely"
    return {key: Rejected("E_WORKER_DIED", reason, lasting=False) for key in extractors}
