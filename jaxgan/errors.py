"""What the user can mend."""


class UserError(Exception):
    """A mistake or a lack that the user can mend: one line that names the thing and the remedy.

    The commands print its text and exit with 1; any other exception is a fault of ours and keeps
    its traceback.
    """
