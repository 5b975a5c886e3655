"""Pictures and numbers of drift."""
