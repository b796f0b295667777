"""MyST: directives, roles and targets become plain Markdown, each line in its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.files.formats.myst import without_myst
from knowledge.files.reader import parse_bytes

PAGE = """\
---
myst:
  substitutions: {a: b}
---
(logging)=
# Logs of {py:mod}`zoo.logs`

% A comment.
See {ref}`the plan <plan>`, {ref}`logging`, {ref}`log-directory`, [](../feeding.md), {pep}`8`,
{class}`~zoo.Quokka` and `{kept}` [in {doc}`x`](https://a.b); {menuselection}`File --> Open`.

```{note}
:class: dropdown

They bite. See {func}`feed`.
```

````{admonition} Caution
## Not a heading
```{code-block} python
:linenos:
# Not a heading either.
feed(quokka)
```
````

```{testcode}
# Put it there.
x = 1
```

```{strange} thing

    # Put it there.
    x = 1
```

```{versionadded} 2.0
```

- ```{tip}
  Feed them.
  ```

:::{figure} pics/door.png
:alt: The door

It is *open*.
:::

```{image} pics/logo.png
```

````{tab-set}
```{tab-item} Linux
apt
```
````

```{eval-rst}
.. function:: feed(animal)

   Feed :ref:`it <x>`.
```

```{list-table}
:header-rows: 1

* - Day
  - Food
* - Mon
  - {kbd}`leaves`
```

:::{glossary}
quokka
    A small animal.
:::

+++
```{toctree}
other
```
```{include} other.md
```
"""
READ = """\
# Logs of `zoo.logs`

See the plan, Logs of zoo.logs, log directory, [feeding](../feeding.md), PEP 8,
`Quokka` and `{kept}` [in x](https://a.b); File › Open.

They bite. See `feed`.

**Caution**
**Not a heading**

```python
# Not a heading either.
feed(quokka)
```

```python
# Put it there.
x = 1
```

```

    # Put it there.
    x = 1
```

Added in version 2.0.

-
  Feed them.

![The door](pics/door.png)

It is *open*.

**Linux**
apt

`feed(animal)`

Feed it.

| Day | Food |
| --- | --- |
| Mon | `leaves` |

**quokka**
A small animal."""


def test_myst_is_understood_with_what_sphinx_adds() -> None:
    reading = parse_bytes(PAGE.encode(), name="logs.md")
    lines = [line.rstrip() for line in reading.text.split("\n")]
    blank = [not line and not above for line, above in zip(lines, ["", *lines], strict=False)]
    text = "\n".join(line for line, is_blank in zip(lines, blank, strict=True) if not is_blank)
    assert text.strip() == READ
    assert reading.title == "Logs of `zoo.logs`"
    assert reading.first_line == 5


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, `{code}`, {braces} and {{ more }}.\n% percent\n+++\n[](x.md)",
        "```python\n(target)\n```\n{: .wide }",
        "::: note\nText.\n:::",
        "```{.python .numberLines}\nx = 1\n```",
    ],
)
def test_markdown_without_signs_of_myst_stays_as_it_is(text: str) -> None:
    assert without_myst(text) == text


def test_long_rst_part_ends_the_numbering() -> None:
    part = "```{eval-rst}\n.. glossary::\n   a\n    b\n   c\n    d\n   e\n    f\n```"
    assert parse_bytes(f"A.\n\n{part}\n".encode(), name="a.md").first_line == 0


PIECES = st.sampled_from(
    [
        *("word", " ", "\n", "\n\n", "    ", "`", "```", "````", "{note}", "{code-block} python"),
        *("{list-table}\n", "* - a", "  - b", "{csv-table} x\n", "a,b", "{image} a.png", ":alt: x"),
        *("(a)=\n", "{ref}`a`", "{{x}}", "[](a)", ":::", ":::{tip} x\n", "---", "- ", "# A", "% x"),
        *("{toctree}", "{glossary}\n", "{figure} x\n", "{versionadded} 1", "a: |\n", "+++", "> "),
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_each_line_stays_the_line_that_it_was(text: str) -> None:
    assert without_myst(text).count("\n") == text.count("\n")
