"""The report: reads a run folder, draws, writes one self-contained page."""
