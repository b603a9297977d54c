"""What is computed when somebody asks for it first."""


class cached_property:  # noqa: N801
    """A property as in `functools`, without the lock that it has before Python 3.12.

    All objects of a class share that lock, and in a process that is forked while a
    thread holds it, nobody gives it back. What is kept is what the first of several
    threads has computed, so that none writes into what others do not see.
    """

    def __init__(self, function):
        """Take the function that computes it."""
        self._function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner, name):
        """Learn under which name it is kept."""
        self._name = name

    def __get__(self, instance, owner=None):
        """Return the value, computed now: later, it is found in its place."""
        if instance is None:
            return self
        return vars(instance).setdefault(self._name, self._function(instance))
