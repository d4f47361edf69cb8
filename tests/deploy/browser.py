"""A real Chromium, and what it met while it showed a page."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.deploy.tools import module, tool

TELEPHONE: Final = {"width": 390, "height": 844}
DESK: Final = {"width": 1280, "height": 900}

# The browser asks nobody but the page's server.
_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Any]:
    """Gives a running headless browser."""
    path = tool("chromium", "chromium-browser", "google-chrome")
    with module("playwright.sync_api").sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A page that was opened in a window of its own, with what went wrong there."""

    def __init__(self, browser: Any, url: str, size: dict[str, int], scheme: str = "light") -> None:
        self.problems: list[str] = []
        """Errors on the console, and errors that no code caught."""
        self.foreign: list[str] = []
        """URLs of requests to anybody but the page's own server."""
        context = browser.new_context(viewport=size, color_scheme=scheme)
        self.page = page = context.new_page()
        page.on("console", lambda line: self.problems.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((f"{url}/", "data:")) else self.foreign.append(request.url)
            ),
        )
        page.goto(f"{url}/")

    def accessibility(self) -> list[str]:
        """Returns the serious and critical findings of axe, one line each."""
        axe = module("axe_playwright_python.sync_playwright").Axe()
        found = axe.run(self.page).response["violations"]
        grave = [each for each in found if each["impact"] in ("serious", "critical")]
        return [f"{each['id']}: {each['help']}" for each in grave]

    def is_as_wide_as_its_window(self) -> bool:
        """Returns whether nothing must be scrolled sideways to be seen."""
        return bool(self.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"))

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).inner_text())
