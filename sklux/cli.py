"""The console command ``sklux``."""

import signal
import sys
import warnings

from sklux._utils.optional import import_optional


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
    from sklux._commands.app import app, errors_in_words, silence_libraries

    exit_at_signals()
    silence_libraries(sys.stderr is None or not sys.stderr.isatty())
    for stream in filter(None, (sys.stdout, sys.stderr)):
        # What an encoding cannot hold is shown by its code.
        stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = show_warning
    with errors_in_words():
        app()


def show_warning(message: Warning | str, *where: object, **rest: object) -> None:
    """Show a warning without the line of code that it comes from.

    Parameters
    ----------
    message : Warning or str
        The warning.
    *where : object
        Its category, file and line; not used.
    **rest : object
        What else Python hands on; not used.
    """
    if sys.stderr is not None:
        sys.stderr.write(f"sklux: {message}\n")


def exit_at_signals() -> None:
    """Leave by an exception when told to end, so that files half written are removed.

    A signal that is ignored, as by nohup, stays ignored.
    """
    # Windows has no SIGHUP.
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, exit_with)


def exit_with(number: int, frame: object) -> None:
    """Exit with the status of a process that a signal ended.

    Parameters
    ----------
    number : int
        The signal.
    frame : object
        Where it came; not used.

    Raises
    ------
    SystemExit
        With 128 and the number, as a shell has it.
    """
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()
