"""Values per region that another tool has computed: one row of a table, one column of stats."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lumbago.errors import ScanRejected
from lumbago.reading import hdf5
from lumbago.reading.freesurfer_stats import read_group_row, read_stats
from lumbago.reading.numeric import read_numbers

ROLE = "values:"


def roles_of(name: str, roles: frozenset[str]) -> tuple[str, ...]:
    """Return the roles that hold one kind of values: ``values:area:lh``, ``values:area:rh``."""
    whole = ROLE + name
    return tuple(sorted(r for r in roles if r == whole or r.startswith(whole + ":")))


def read_values(path: Path, role: str, within: str = "") -> tuple[tuple[str, ...], np.ndarray]:
    """Read the values of one scan.

    Parameters
    ----------
    path : Path
        FreeSurfer's ``.stats``; a FreeSurfer group table (`within` is the line); junifer's HDF5
        (`within` is its group and the number of the element); else a table of one row.
    role : str
        ``values:<name>`` or ``values:<name>:<hemisphere>``.
    within : str
        Where in the file, if it holds several people.

    Returns
    -------
    names : tuple of str
    values : array of shape (n,), float64
        NaN where a region has none.

    Raises
    ------
    ScanRejected
        ``E_VALUES``, ``E_INF``.
    """
    _, name, part = (*role.split(":"), "")[:3]
    if path.suffix == ".stats":
        labels, values = read_stats(path, name)
    elif path.suffix in hdf5.SUFFIXES:
        labels, values = hdf5.read_vector(path, within)
    elif within:
        labels, values = read_group_row(path, int(within))
        part = ""  # the columns name their hemisphere
    else:
        table = read_numbers(path, code="E_VALUES", named_rows=True)
        if len(table) != 1:
            raise ScanRejected(
                "E_VALUES", f"{path.name}: {len(table)} rows; expected one row of regional values"
            )
        labels, values = tuple(str(c) for c in table), table.to_numpy()[0]
    if np.isinf(values).any():
        raise ScanRejected("E_INF", f"{path.name}: holds infinite values; make the file again")
    return tuple(f"{part}_{label}" if part else label for label in labels), values
