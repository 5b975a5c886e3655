"""The steps of a sort: each applies one stage to the blocks, groups or units of a recording, on the workers."""
