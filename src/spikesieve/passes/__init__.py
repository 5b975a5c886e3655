"""Work on the blocks of a recording: one module for each kind of pass."""
