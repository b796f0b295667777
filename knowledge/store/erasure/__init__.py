"""Erasure: personal data, opt-outs from quotation, purge, and tombstones of deleted data."""
