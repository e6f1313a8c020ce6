"""The console command ``sklux``."""

import atexit
import gc
import signal
import sys
import warnings

from sklux._utils.optional import import_optional


def main() -> None:
    """Run the command line. It needs the extra ``cli``.

    Raises
    ------
    SystemExit
        With status 1 and a message if the extra is not installed. Otherwise with the
        status of the command.
    """
    try:
        for module in ("typer", "rich"):
            import_optional(module, extra="cli", purpose="The command sklux")
    except ImportError as error:
        raise SystemExit(f"sklux: {error}") from error
    from sklux._commands.app import app
    from sklux._commands.options import silence_libraries

    exit_at_signals()
    # At its exit, Python would search all objects of the libraries for garbage, which
    # takes half a second.
    atexit.register(gc.freeze)
    silence_libraries(sys.stderr is None or not sys.stderr.isatty())
    for stream in filter(None, (sys.stdout, sys.stderr)):
        # Characters that the encoding cannot hold are printed as escape codes.
        stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = show_warning
    app(prog_name="sklux")


def show_warning(message: Warning | str, *where: object, **rest: object) -> None:
    """Print a warning without the line of code that raised it.

    Parameters
    ----------
    message : Warning or str
        The warning.
    *where : object
        Its category, file and line; not used.
    **rest : object
        Further arguments of `warnings.showwarning`; not used.
    """
    if sys.stderr is not None:
        from sklux._commands.errors import with_options

        sys.stderr.write(f"sklux: {with_options(str(message))}\n")


def exit_at_signals() -> None:
    """Turn signals to end into exceptions, so that partial files are removed.

    A signal that is ignored, as under nohup, stays ignored.
    """
    # Windows has no SIGHUP.
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, exit_with)


def exit_with(number: int, frame: object) -> None:
    """Exit with the status that a shell gives to a process ended by a signal.

    Parameters
    ----------
    number : int
        The signal.
    frame : object
        The interrupted frame; not used.

    Raises
    ------
    SystemExit
        With 128 plus the number of the signal.
    """
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()
