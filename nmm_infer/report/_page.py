"""The frame of the page and its style sheet."""

from html import escape

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #22303c; --soft: #5d6b77; --line: #dfe3e8;
  --card: #f6f7f9; --link: #2a6f97;
  --good: #2f7d4f; --note: #2a6f97; --warning: #96690f; --problem: #b3362e; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15191e; --ink: #dde3e8; --soft: #98a4ae; --line: #2f3740; --card: #1d2329;
    --link: #7db4d6;
    --good: #6cc08b; --note: #7db4d6; --warning: #dcae56; --problem: #ee8179; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
p, ul { max-width: 46rem; }
ul { padding-left: 1.25rem; }
li { margin: .2rem 0; }
nav { margin: 1rem 0 0; font-size: .9rem; display: flex; flex-wrap: wrap; }
nav a { color: var(--link); text-decoration: none; margin-right: 1rem; white-space: nowrap; }
nav a:hover { text-decoration: underline; }
.lead { color: var(--soft); margin: 0; }
.small { color: var(--soft); font-size: .85rem; }
.absent { color: var(--soft); font-style: italic; }
.verdict { background: var(--card); border-left: 4px solid var(--soft); border-radius: 4px;
  padding: .75rem 1rem; font-weight: 600; }
.verdict.good { border-color: var(--good); } .verdict.warning { border-color: var(--warning); }
.verdict.problem { border-color: var(--problem); }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--soft); font-weight: 500; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; padding-left: .6rem; }
tr.good td:first-child { color: var(--good); } tr.note td:first-child { color: var(--note); }
tr.warning td:first-child { color: var(--warning); font-weight: 600; }
tr.problem td:first-child { color: var(--problem); font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; font-size: .92rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 1.25rem 0; }
figure img { max-width: 100%; height: auto; background: #fff; border-radius: 6px; display: block; }
@media (prefers-color-scheme: dark) { figure img { padding: .5rem; } }
figcaption { color: var(--soft); font-size: .85rem; margin-top: .4rem; max-width: 46rem; }
.atlases { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; }
.atlas { max-width: 22rem; height: auto; }
.atlas polygon { fill: var(--card); stroke: var(--line); }
.atlas circle { stroke: #5b6670; stroke-width: .5; cursor: pointer; }
.atlas circle:hover, .atlas circle.chosen { stroke: var(--ink); stroke-width: 2; }
.atlas text { font-size: 8px; fill: var(--soft); }
.ramp { display: flex; gap: .5rem; align-items: center; font-size: .85rem; color: var(--soft); }
.ramp i { width: 10rem; height: .6rem; border-radius: 2px; }
details { margin: .75rem 0; } summary { cursor: pointer; color: var(--link); }
th button { all: unset; cursor: pointer; } th button:focus-visible { outline: 1px solid var(--link); }
th[aria-sort=ascending] button::after { content: " \2191"; }
th[aria-sort=descending] button::after { content: " \2193"; }
tr.chosen { background: var(--card); }
pre { overflow-x: auto; background: var(--card); padding: .75rem 1rem; border-radius: 4px;
  font-size: .85rem; }
a { color: var(--link); }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
@media print { nav { display: none; } figure, tr { break-inside: avoid; } }
"""

# Sorts tables by a click on a heading, and shows a region on the brain and in its table together.
SCRIPT = """
for (const head of document.querySelectorAll("table.sortable th")) {
  head.firstChild.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = head.closest("table").tBodies[0];
    const value = (row) => row.cells[head.cellIndex].textContent;
    const number = (row) => parseFloat(value(row));
    const compare = (a, b) => isNaN(number(a)) || isNaN(number(b))
      ? value(a).localeCompare(value(b)) : number(a) - number(b);
    body.append(...[...body.rows].sort((a, b) => (down ? -1 : 1) * compare(a, b)));
  });
}
for (const kind of ["mouseover", "mouseout"]) {
  document.addEventListener(kind, (event) => {
    const source = event.target.closest("[data-region]");
    if (!source) return;
    for (const other of document.querySelectorAll("[data-region]")) {
      const same = other.dataset.region === source.dataset.region;
      other.classList.toggle("chosen", kind === "mouseover" && same);
    }
  });
}
"""


def page(title: str, lead: str, sections: list[tuple[str, str, str]]) -> str:
    """The whole document; each section is its identifier, its name in the navigation and its HTML."""
    links = "".join(f'<a href="#{escape(identifier)}">{escape(name)}</a>' for identifier, name, _ in sections)
    body = "\n".join(html for _, _, html in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<header><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p><nav>{links}</nav></header>
{body}
</main>
<script>{SCRIPT}</script>
</body>
</html>
"""
