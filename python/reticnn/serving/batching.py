"""Work that is asked for one by one and done together: who waits shares a batch."""

import queue
import threading
from concurrent.futures import Future

_END = object()


class Batches:
    """One thread that takes what is waiting and does it at once.

    Nobody waits for others to come: while a batch is under way, those who ask for the
    next gather. There is a power of two in each, so that no network is made ready for
    many numbers of images.
    """

    def __init__(self, answers_of, most):
        """Start the thread.

        Args:
            answers_of: Function from a list of arrays of one shape and type to a list
                of as many answers.
            most: How many arrays to give it at once.
        """
        self._answers_of = answers_of
        self._most = most
        self._asked = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._work, name="reticnn-batches", daemon=True
        )
        self._thread.start()

    def ask(self, pixels):
        """Return a future of the answer for an array."""
        future = Future()
        self._asked.put((pixels, future))
        return future

    def close(self):
        """End the thread, which leaves what was asked for before unanswered."""
        self._asked.put(_END)
        self._thread.join()

    def _work(self):
        waiting = []
        while True:
            if not waiting:
                waiting.append(self._asked.get())
            while not self._asked.empty():
                waiting.append(self._asked.get())
            if _END in waiting:
                break
            batch = self._next_of(waiting)
            taken = set(map(id, batch))
            waiting = [one for one in waiting if id(one) not in taken]
            self._answer(batch)
        for one in waiting:
            if one is not _END:
                one[1].cancel()

    def _next_of(self, waiting):
        """Return those who are to be answered now: like the first, a power of two."""
        first = _kind(waiting[0][0])
        alike = [one for one in waiting if _kind(one[0]) == first][: self._most]
        return alike[: 1 << (len(alike).bit_length() - 1)]

    def _answer(self, batch):
        # Who has gone meanwhile has cancelled.
        batch = [one for one in batch if one[1].set_running_or_notify_cancel()]
        if not batch:
            return
        try:
            answers = self._answers_of([pixels for pixels, _ in batch])
        except Exception as error:
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            future.set_result(answer)


def _kind(pixels):
    """Return what arrays have in common that make one of more dimensions."""
    return pixels.shape, pixels.dtype
