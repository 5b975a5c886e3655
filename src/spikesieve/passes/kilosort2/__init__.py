"""The steps of the method kilosort2."""
