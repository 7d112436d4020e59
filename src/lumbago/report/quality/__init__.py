"""The page on the quality of the scans: of a cohort for everybody, of one scan for its owner."""
