"""Connections on which nobody asks anything, which are closed so that others find room.

A server has so many clients at the same time and no more, and uvicorn waits without end
for the first request, or for the rest of one.
"""

# Within so many seconds, whoever is connected asks something.
SECONDS = 30


def impatient(protocol):
    """Return a class of connections that are closed where nobody asks.

    Args:
        protocol: uvicorn's class of connections.
    """

    class Impatient(protocol):
        """A connection of a client."""

        def connection_made(self, transport):
            """Begin, as uvicorn does."""
            super().connection_made(transport)
            self._look(self)

        def _look(self, before):
            """Close if there has been no request since the last look, and look again.

            Args:
                before: The request whose answer was complete then, None if there was
                    none yet, or anything else.
            """
            if self.transport.is_closing():
                return
            done = self.cycle is None or self.cycle.response_complete
            if done and self.cycle is before:
                self.transport.close()
                return
            seen = self.cycle if done else self
            self.loop.call_later(SECONDS, self._look, seen)

    return Impatient
