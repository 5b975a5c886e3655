"""One pure function a quality metric. Arrays in, numbers out; None where the data cannot tell."""
