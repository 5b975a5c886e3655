"""The only code that knows a disk format: raw binary, probes, SpikeGLX metadata, the Phy folder."""
