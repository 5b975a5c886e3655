"""Files: recordings, probes, SpikeGLX metadata, result folders for Phy, sortings by other programs."""
