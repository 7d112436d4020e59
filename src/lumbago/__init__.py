"""Lumbago: resting-state fMRI connectomics and machine learning for chronic low back pain."""
