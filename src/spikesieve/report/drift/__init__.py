"""Report of drift: pictures and numbers."""
