"""Whether the links of the built site lead somewhere, and whether all that it loads is its own."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

RELATIONS = {"index", "search", "next", "prev"}  # that load nothing
IN_STYLES = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)")


class Page(HTMLParser):
    """What a page links to, what it loads, and the places in it that can be linked to."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.anchors |= {named[name] for name in ("id", "name") if name in named}
        if tag in ("a", "link") and "href" in named:
            loads = tag == "link" and named.get("rel") not in RELATIONS
            (self.loaded if loads else self.links).add(named["href"])
        elif "src" in named:
            self.loaded.add(named["src"])


def complaint(link: str, path: Path, loads: bool, site: dict[Path, Page]) -> str:
    """What is wrong with a link of the page at `path`; nothing if nothing is."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return "is from elsewhere" if loads and parts.scheme != "data" else ""
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.exists():
        return "leads nowhere"
    page = site.get(target)
    # Of a module whose names are documented in two places, viewcode knows one of them.
    place = unquote(parts.fragment) if "_modules" not in path.parts else ""
    if page and place and place not in page.anchors:
        return "leads to a page without this place"
    return ""


def problems(html: Path) -> list[str]:
    """One line for each link that is no good."""
    html = html.resolve()
    paths = [path for path in html.rglob("*.html") if "_static" not in path.parts]
    site = {path: Page(path.read_text(encoding="utf-8")) for path in paths}
    found = []
    for path, page in site.items():
        for links, loads in ((page.links, False), (page.loaded, True)):
            for link in links:
                if wrong := complaint(link, path, loads, site):
                    found.append(f"{path.relative_to(html)}: {link} {wrong}")
    for path in html.rglob("*.css"):
        for address in IN_STYLES.findall(path.read_text(encoding="utf-8")):
            found.append(f"{path.relative_to(html)}: {address} is from elsewhere")
    return sorted(found)
