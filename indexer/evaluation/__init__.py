"""Evaluation on judged sets: metrics and runs."""
