import pytest

from knowledge.files.formats import rst
from knowledge.files.reader import parse_bytes

RST = """\
Feeding quokkas
===============

:Author: Ada

Use :func:`~zoo.feed` or :ref:`the plan <plan>`; see `the zoo <https://zoo.org/>`_.

.. toctree::

   other

.. note:: They bite.

.. code-block:: python
   :linenos:
   :emphasize-lines: 1

   feed(quokka)

.. versionadded:: 2.0

.. py:function:: feed(animal)

   Feed it.

Plan
----

=====  ======
Day    Food
=====  ======
Mon    leaves
=====  ======

.. include:: /etc/passwd
.. raw:: html
   :file: /etc/passwd
.. csv-table::
   :file: /etc/passwd
"""


def test_restructured_text_is_understood_with_what_sphinx_adds() -> None:
    reading = parse_bytes(RST.encode(), name="feeding.rst")
    assert reading.title == "Feeding quokkas"
    for kept in (
        "Use `feed` or the plan; see [the zoo](https://zoo.org/).",
        "They bite.",
        "```python\nfeed(quokka)\n```",
        "Added in version 2.0.",
        "`feed(animal)`\n\nFeed it.",
        "## Plan",
        "| Day | Food |\n| --- | --- |\n| Mon | leaves |",
    ):
        assert kept in reading.text


SPHINX = """\
:orphan:

.. _the-door:

The *door* of :class:`Zoo`
==========================

See :ref:`the-door`, :ref:`open-hours`, |version|, `Elsewhere`_ and gone_.
:menuselection:`File --> Open`, :pep:`8`, :issue:`12`.

# Not a heading.

.. testcode::

    # Put it there.
    x = 1

.. strange:: thing

    # Put it there.
    x = 1

.. note::
   :collapsible:

   They bite.

.. warning::
   - One
   - Two

.. seealso:: :doc:`/a/feeding-plan`

.. image:: pics/door.png

.. class:: Zoo(door)

   Opens it.

   :param str door: the :attr:`door`.
   :returns: nothing.

.. autofunction:: zoo.feed

.. versionchanged:: 2.0 Use :func:`feed`.

.. tab-item:: Linux

   apt

.. glossary::

   quokka
      A small animal.
"""


def test_projects_of_sphinx_are_read_as_they_are_written() -> None:
    reading = parse_bytes(SPHINX.encode(), name="door.rst")
    assert reading.title == "The door of `Zoo`"
    assert (
        reading.text
        == """\
# The door of `Zoo`

See The door of Zoo, open hours, version, Elsewhere and gone.
File › Open, [PEP 8](https://peps.python.org/pep-0008), #12.

\\# Not a heading.

```python
# Put it there.
x = 1
```

```
# Put it there.
x = 1
```

They bite.

- One
- Two

**See also**

feeding plan

`Zoo(door)`

Opens it.

- Parameter door: the `door`.
- Returns: nothing.

Changed in version 2.0: Use `feed`.

**Linux**

apt

**quokka**

A small animal."""
    )


def test_restructured_text_takes_nothing_from_other_files() -> None:
    text = parse_bytes(RST.encode(), name="feeding.rst").text
    assert "root" not in text
    assert "other" not in text


def test_substitutions_that_grow_without_end_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    # The real limit takes ten seconds to reach.
    monkeypatch.setitem(rst._SETTINGS, "line_length_limit", 1_000)
    lines = ["|a5|", "", ".. |a0| replace:: lol"]
    lines += [f".. |a{n + 1}| replace:: " + f"|a{n}| " * 10 for n in range(5)]
    text = "T\n=\n\n" + "\n".join(lines) + "\n"
    # Without a limit, there are 400,000 characters.
    assert len(rst.parse_rst(text, "x").text) < 10_000
