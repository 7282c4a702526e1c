"""``python -m pgmask`` is the command line."""

from pgmask.cli.main import main

if __name__ == "__main__":
    main()
