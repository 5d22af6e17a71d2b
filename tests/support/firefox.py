"""Firefox without a window, driven by WebDriver BiDi: what tests of the site need of it.

Playwright drives its own builds of Firefox alone, and Debian has no geckodriver.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import websocket

from tests.support.service import PATIENCE, wait_until

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE = 4 * PATIENCE  # seconds for one command: to load the model is one
_CALL = "async (text) => JSON.stringify((await ({})(JSON.parse(text))) ?? null)"


class FirefoxPage:
    """A browser with one page.

    Args:
        program: The program of Firefox.
        folder: A folder for its profile and its log.

    Attributes:
        errors: All exceptions and errors in the console.
    """

    def __init__(self, program: str, folder: Path) -> None:
        log = folder / "firefox.log"
        profile = folder / "profile"
        profile.mkdir()
        command = [program, "--headless", "--no-remote", "--profile", str(profile)]
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [*command, "--remote-debugging-port", "0"], stdout=file, stderr=file
            )
        found: list[str] = []

        def is_listening() -> bool:
            found.extend(re.findall(r"BiDi listening on (ws://\S+)", log.read_text("utf-8")))
            return bool(found)

        try:
            wait_until(is_listening, log)
            address = f"{found[0]}/session"
            self._socket = websocket.create_connection(
                address, timeout=_PATIENCE, suppress_origin=True
            )
        except BaseException:
            self._process.kill()
            raise
        self._last = 0
        self.errors: list[str] = []
        self._command("session.new", capabilities={})
        self._command("session.subscribe", events=["log.entryAdded"])
        (self._context,) = (
            one["context"] for one in self._command("browsingContext.getTree")["contexts"]
        )

    def _command(self, method: str, **params: Any) -> Any:
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("method") == "log.entryAdded":
                if message["params"]["level"] == "error":
                    self.errors.append(message["params"]["text"])
            elif message.get("id") == self._last:
                assert message["type"] == "success", message
                return message["result"]

    def goto(self, url: str) -> None:
        """Load a page."""
        self._command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, function: str, argument: object = None) -> Any:
        """Call a JavaScript function with an argument, and return its result; both as in JSON."""
        answer = self._command(
            "script.callFunction",
            functionDeclaration=_CALL.format(function),
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            target={"context": self._context},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return json.loads(answer["result"]["value"])

    def wait_for(self, selector: str) -> None:
        """Wait until there is an element."""
        wait_until(
            lambda: self.evaluate("(selector) => !!document.querySelector(selector)", selector),
            selector,
        )

    def resize(self, width: int, height: int) -> None:
        """Change the size of the page."""
        viewport = {"width": width, "height": height}
        self._command("browsingContext.setViewport", context=self._context, viewport=viewport)

    def close(self) -> None:
        """End the browser."""
        self._socket.close()
        self._process.terminate()
        self._process.wait(PATIENCE)
