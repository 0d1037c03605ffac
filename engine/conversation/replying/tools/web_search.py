"""Searches the web. Off until the user turns it on; the only tool here that reaches beyond this machine."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass
from html.parser import HTMLParser

import httpx

from engine.conversation.replying.tools.registry import Tool, ToolError, tool

_MOST_BYTES = 1_500_000
_TIMEOUT_S = 8.0
_MOST_SNIPPET = 300
_AGENT = "Mozilla/5.0 (compatible; Earshot)"


@dataclass(frozen=True)
class WebSearchSettings:
    """Where to search, and how many results to take."""

    endpoint: str = "https://html.duckduckgo.com/html/"
    results: int = 5


@dataclass(frozen=True)
class Found:
    """One result."""

    title: str
    url: str
    snippet: str


def web_search_tools(settings: WebSearchSettings) -> list[Tool]:
    """The tool web_search with these settings."""

    def web_search(query: str) -> str:
        """Search the web for current information.

        query: what to search for
        """
        return as_text(search(query, settings))

    return [tool(web_search, network=True, untrusted=True, timeout_s=_TIMEOUT_S + 2)]


def as_text(found: list[Found]) -> str:
    """Results as the model reads them: numbered, each with its title, site and snippet."""
    if not found:
        return "Nothing was found."
    return "\n".join(f"{n}. {one.title} ({_site(one.url)})\n{one.snippet}" for n, one in enumerate(found, 1))


def _site(url: str) -> str:
    try:
        return urllib.parse.urlsplit(url).netloc
    except ValueError:  # no address, such as http://[
        return "unknown site"


def search(query: str, settings: WebSearchSettings) -> list[Found]:
    """Ask the service. Raises ToolError with a sentence when it cannot be reached or answers nonsense."""
    query = " ".join(query.split())[:400]
    if not query:
        raise ToolError("There is nothing to search for.")
    try:
        with httpx.Client(timeout=_TIMEOUT_S, headers={"User-Agent": _AGENT}) as client:
            found = _duckduckgo(client, settings.endpoint, query)
    except httpx.HTTPStatusError as error:
        raise ToolError("The search service answered with error {status}.", status=error.response.status_code) from None
    except (httpx.HTTPError, httpx.InvalidURL):
        raise ToolError("The search service cannot be reached.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ToolError("The search service gave an answer that cannot be read.") from None
    return [_trimmed(one) for one in found[: settings.results]]


def _fetch(client: httpx.Client, method: str, address: str, **request: object) -> httpx.Response:
    """The whole answer, refused when it is larger than any result page."""
    with client.stream(method, address, **request) as response:  # type: ignore[arg-type]
        response.raise_for_status()
        data = b""
        for piece in response.iter_bytes():
            data += piece
            if len(data) > _MOST_BYTES:
                raise ToolError("The search service sent too much.")
    return httpx.Response(
        response.status_code, content=data, headers={"content-type": response.headers.get("content-type", "")}
    )


def _duckduckgo(client: httpx.Client, address: str, query: str) -> list[Found]:
    page = _ResultPage()
    page.feed(_fetch(client, "POST", address, data={"q": query}).text)
    page.close()
    return page.found


def _trimmed(found: Found) -> Found:
    snippet = " ".join(found.snippet.split())
    if len(snippet) > _MOST_SNIPPET:
        snippet = snippet[:_MOST_SNIPPET].rpartition(" ")[0] + " …"
    return Found(" ".join(found.title.split())[:150], found.url[:500], snippet)


class _ResultPage(HTMLParser):
    """DuckDuckGo's page without scripts: links of class result__a, texts of class result__snippet."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Found] = []
        self._url = ""
        self._title = ""
        self._inside = ""
        self._inside_tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = (given.get("class") or "").split()
        if "result__a" in classes:
            self._inside, self._inside_tag = "title", tag
            self._url, self._title = _target(given.get("href") or ""), ""
        elif "result__snippet" in classes:
            self._inside, self._inside_tag = "snippet", tag
            self.found.append(Found(self._title, self._url, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside_tag:
            self._inside = self._inside_tag = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self._title += data
        elif self._inside == "snippet":
            last = self.found[-1]
            self.found[-1] = Found(last.title, last.url, last.snippet + data)


def _target(href: str) -> str:
    """The address behind DuckDuckGo's redirect."""
    parts = urllib.parse.urlsplit(href)
    return urllib.parse.parse_qs(parts.query).get("uddg", [href])[0]
