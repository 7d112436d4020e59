"""Commands that need no experiment; imported with the command line, so only click is here."""

from lumbago.commands.atlases import atlas
from lumbago.commands.measuring import extract
from lumbago.commands.starting import doctor, new, simulate
from lumbago.commands.watching import live

COMMANDS = (extract, live, simulate, new, doctor, atlas)

__all__ = ["COMMANDS"]
