"""The stages of the method sieve."""
