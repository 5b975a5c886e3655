"""The passes of the method kilosort2."""
