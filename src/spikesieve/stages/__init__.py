"""The stages of sorting, one module each: pure functions on arrays. Their settings are in `spikesieve.settings`."""
