"""The stages that only Kilosort2's algorithm has: batches put in order, templates that follow that order, cut-offs."""
