"""The console command ``sklux``."""

from sklux._optional import import_optional


def main() -> None:
    """Run the command line; it needs the extra ``cli``.

    Raises
    ------
    SystemExit
        With status 1 and a message when the extra is not installed, and else as
        the command says.
    """
    try:
        for module in ("typer", "rich"):
            import_optional(module, extra="cli", purpose="The command sklux")
    except ImportError as error:
        raise SystemExit(f"sklux: {error}") from error
    from sklux._commands import app

    app()


if __name__ == "__main__":
    main()
