"""Stages that only Kilosort2's algorithm has: ordered batches, templates that follow that order, score cut-offs."""
