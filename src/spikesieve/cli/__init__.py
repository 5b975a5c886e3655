"""The command line: each command parses its options, calls one function of the api, and prints."""
