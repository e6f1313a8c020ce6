"""The console command, as ``python -m sklux``."""

from sklux.cli import main

if __name__ == "__main__":
    main()
