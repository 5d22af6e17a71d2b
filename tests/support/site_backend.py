"""The backend of a static site, called in its page without the page's own controls."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from tests.support.page_driver import Scriptable

_CREATE = """async () => {
  const { createBackend } = await import(document.baseURI + "static/js/local/backend.js");
  window.backend = await createBackend({ onLoading() {} });
  window.blobOf = (content) =>
    new Blob([Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0))]);
}"""
_CALL = """async ([photo, method, options]) => {
  const result = await backend[method](blobOf(photo), { model: "", ...options });
  if (!result.chroma) return result;
  const { width, height, data } = result.chroma;
  const size = [result.width, result.height];
  return { size, shape: [height, width, 2], data: [...data] };
}"""
_COLORIZE = """async ([photo, options]) => {
  const jobs = backend.createJobs({ file: blobOf(photo) }, new AbortController().signal);
  const adjustments = { saturation: 1, warmth: 0, blend: 1 };
  const request = { model: "", adjustments, badge: false, ...options };
  const facts = await jobs.run(request);
  const file = await jobs.fetchResult(request);
  const reader = new FileReader();
  await new Promise((resolve) => { reader.onload = resolve; reader.readAsDataURL(file); });
  return [reader.result.split(",")[1], file.type, facts];
}"""


class SiteBackend:
    """The backend of a site, in a page of its own.

    Args:
        page: A page of a browser.
        url: The address of the site.
    """

    def __init__(self, page: Scriptable, url: str) -> None:
        self._page = page
        page.goto(url)
        page.evaluate(_CREATE)

    def call(self, method: str, photo: bytes, **options: Any) -> Any:
        """Call a method with a photograph."""
        return self._page.evaluate(_CALL, [base64.b64encode(photo).decode(), method, options])

    def colorize(self, photo: bytes, **options: Any) -> tuple[bytes, str, dict[str, Any]]:
        """Color a photograph: the content of the result, its type, and facts of the source."""
        argument = [base64.b64encode(photo).decode(), options]
        content, kind, facts = self._page.evaluate(_COLORIZE, argument)
        return base64.b64decode(content), kind, cast("dict[str, Any]", facts)
