"""Files, disks and moments chosen to break things, longer than the tests have time for.

Each module here does one kind of harm, and has a function `run(say, seconds, seed)`.
It goes on for about so many seconds, draws what it does from the seed, tells its
figures with `say`, and returns what fell: a list of texts, empty if all held. Modules
that begin with an underscore are what the others share.
"""
