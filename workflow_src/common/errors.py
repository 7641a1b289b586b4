"""The one exception that means: the user can mend this."""


class InputError(Exception):
    """Bad input: a file, key or value that the user gave.

    The message is one line that names the culprit (file, key or row), says what is wrong and
    what is allowed. Steps print it as it is and exit with status 1; no traceback is shown.
    """
