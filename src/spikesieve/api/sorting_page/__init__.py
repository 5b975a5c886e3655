"""What the sorting page asks for: folders, recordings, probes, settings, previews and sorts."""
