"""`python -m spikesieve` is the command line."""

from spikesieve.cli.app import main

if __name__ == "__main__":
    main()
