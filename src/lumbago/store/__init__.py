"""Finished units of work, kept under the hash of what they were made from."""

from lumbago.store.entries import SCHEMA, Entry
from lumbago.store.store import Store
from lumbago.store.writing import write_file

__all__ = ["SCHEMA", "Entry", "Store", "write_file"]
