"""Evaluation on judged sets: metrics, runs, and calibration of evidence."""
