"""What a person reads on a terminal, drawn to its width: paragraphs that hang, and the Markdown of a model's answer.

rich does the drawing, and nothing that a model or a file says reaches it as markup: texts are escaped before, and each
piece again when it is drawn. No link, no background, and only the sixteen colours that the terminal itself chooses. It
is imported where somebody looks at a terminal, and nowhere else.
"""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.markdown import CodeBlock, Heading, Markdown
from rich.text import Text
from rich.theme import Theme

from trooper_cli.cli.terminal import escaped, styled
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import ConsoleOptions, RenderableType, RenderResult
    from rich.style import Style

    from trooper_cli.cli.terminal import Output

# In characters; what is longer is a file rather than an answer, and parsing it takes seconds.
_LONGEST_MARKDOWN = 64_000
_STYLE = pattern(r"\x1b\[[0-9;]*m")
_THEME = Theme(
    {
        "markdown.code": "cyan",
        "markdown.code_block": "cyan",
        "markdown.fence": "dim",
        "markdown.block_quote": "none",
        "markdown.list": "none",
        "markdown.item.bullet": "none",
        "markdown.item.number": "none",
        "markdown.hr": "dim",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
        **{f"markdown.h{level}": "bold" for level in range(1, 7)},
    }
)


def write_paragraph(
    output: Output, text: str, style: str = "", *, first: Sequence[tuple[str, str]] = (), rest: str | None = None
) -> None:
    """Write a text wrapped.

    Args:
        output: a terminal.
        text: what is wrapped; its own line breaks stay.
        style: one of those of `styled`, or none.
        first: what stands before the first line, each with a style.
        rest: what stands before the others; as many spaces by default.

    """
    indent = sum(cell_len(escaped(piece)) for piece, _ in first)
    others = " " * indent if rest is None else rest
    before = "".join(_styled(escaped(piece), look, output) for piece, look in first)
    for line in text.split("\n"):
        for row in _drawn(Text(escaped(line)), output, output.width - max(indent, len(others))):
            output.draw(f"{before}{_styled(row, style, output)}\n")
            before = _styled(others, style, output)


def _styled(text: str, style: str, output: Output) -> str:
    return styled(text, style) if text and style and output.takes_colours else text


def write_markdown(output: Output, text: str) -> None:
    """Write a model's answer as the Markdown that it is, or as plain text where that would lose a letter of it."""
    shown = escaped(text)
    rows = list(_drawn(_Answer(shown), output, output.width)) if len(shown) <= _LONGEST_MARKDOWN else []
    # Markdown leaves out what is too deep, a cell too many, the title of a link; it counts the items of a list itself.
    if Counter(filter(str.isalnum, shown)) - Counter(filter(str.isalnum, _STYLE.sub("", "".join(rows)))):
        write_paragraph(output, text)
        return
    for row in rows:
        output.draw(f"{row}\n")


def _drawn(renderable: RenderableType, output: Output, width: int) -> Iterator[str]:
    """Yield the lines of something drawn, with styles where the terminal takes colours."""
    console = Console(
        file=io.StringIO(), width=max(width, 10), force_terminal=False, theme=_THEME, markup=False, emoji=False,
        highlight=False, legacy_windows=False,
    )  # fmt: skip
    for segments in console.render_lines(renderable, pad=False):
        pieces = [(escaped(text), style) for text, style, control in segments if not control]
        # What fills a line up to the width of a table would break a line where it is copied.
        while pieces and not pieces[-1][0].strip(" "):
            pieces.pop()
        if pieces:
            pieces[-1] = (pieces[-1][0].rstrip(" "), pieces[-1][1])
        yield "".join(_painted(text, style, output) for text, style in pieces)


def _painted(text: str, style: Style | None, output: Output) -> str:
    if not text.strip() or style is None or not output.takes_colours:
        return text
    return style.update_link(None).render(text, color_system=ColorSystem.STANDARD)


class _Heading(Heading):
    """A heading on the left, as the others are."""

    LEVEL_ALIGN: ClassVar = {}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        yield self.text


class _CodeBlock(CodeBlock):
    """Code as it was sent, between its fences, so that it can be copied and is seen without colours too."""

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> _CodeBlock:
        return cls(f"{token.markup}{token.info}", markdown.code_theme)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        fence = self.lexer_name
        if fence:
            yield Text(fence, "markdown.fence")
        code = str(self.text).rstrip("\n")
        yield Text(code if fence else "\n".join(f"    {line}" for line in code.split("\n")), "markdown.code_block")
        if fence:
            yield Text(fence[: len(fence) - len(fence.lstrip("`~"))], "markdown.fence")


class _Answer(Markdown):
    """Markdown of which nothing is lost: HTML, entities, images and definitions of links are text, a line is a line."""

    elements: ClassVar = Markdown.elements | {
        "heading_open": _Heading,
        "fence": _CodeBlock,
        "code_block": _CodeBlock,
    }

    def __init__(self, text: str) -> None:
        super().__init__("", hyperlinks=False)
        parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
        self.parsed = parser.disable(["entity", "image", "reference"]).parse(text)
        for token in self.parsed:
            token.children = list(_as_text(token.children)) if token.children else token.children


def _as_text(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens of a line with each link as its text and address, and each line break as one."""
    href, within = "", ""
    for token in tokens:
        if token.type == "link_open":
            href, within = str(token.attrs.get("href", "")), ""
        elif token.type == "link_close":
            if within not in {href, href.removeprefix("mailto:")}:
                yield Token("text", "", 0, content=f" ({href})")
        elif token.type == "softbreak":
            yield Token("hardbreak", "br", 0)
        else:
            within += token.content
            yield token
