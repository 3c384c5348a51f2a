"""Draws outlive whatever happens to what is made of them."""

import contextlib
import signal
import threading
import warnings
from collections.abc import Callable, Iterator


class Salvage:
    """Makes the parts of a result one by one; a part that fails is left out, and after Ctrl-C so are all that
    follow.
    """

    def __init__(self):
        self.left_out: dict[str, str] = {}
        self.interrupted = False

    def __call__[T](self, name: str, make: Callable[[], T], default: T) -> T:
        """What `make` gives, or the `default`."""
        if self.interrupted:
            self.left_out[name] = "interrupted"
            return default
        try:
            return make()
        except KeyboardInterrupt:
            self.interrupted = True
            self.left_out[name] = "interrupted"
        except Exception as error:  # whatever it is, the draws are worth more
            self.left_out[name] = f"{type(error).__name__}: {error}"
        return default

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Ctrl-C waits until the block is done. It works in the main thread, which alone is interrupted."""
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or before is None:
            yield
            return
        signal.signal(signal.SIGINT, lambda *_: setattr(self, "interrupted", True))
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def warn(self) -> str:
        """Says what was left out, in a warning; the same text, or ""."""
        if not self.left_out:
            return ""
        text = "; ".join(f"{name} ({reason})" for name, reason in self.left_out.items())
        warnings.warn(
            f"the draws are whole, but the result lacks what could not be made of them: {text}", stacklevel=5
        )
        return text
