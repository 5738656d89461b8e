"""Evaluation and calibration sets: files of several formats, read as columns of texts."""
