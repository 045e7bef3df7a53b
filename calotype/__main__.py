"""`python -m calotype` is the same program as `calotype`."""

from calotype.cli.main import main

if __name__ == "__main__":
    main()
