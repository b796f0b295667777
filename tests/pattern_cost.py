"""Static analysis of a regular expression's backtracking cost, from its syntax alone.

Python's `re` tries one path through a pattern after another. Where two loops can read the same
text, the paths multiply: `a*a*b` is quadratic, `(a+)+b` exponential, and `a+b` is quadratic under
`search`, which starts anew at each character. `steps` is an upper bound on the tries for each
character of a text, infinite unless the pattern is linear.

The pattern becomes an automaton of its character positions (Glushkov), over a partition of Unicode
into classes that it can't tell apart. Only paths that fail count: the rest of the tree is never
visited after a success. Two loops multiply if one text runs through both while a path leads from
the first to the second. A repeat with a maximum is a loop that weighs its maximum.

What the analysis assumes for the worst: a lookahead of several characters may always pass or fail,
and its body is a branch of its own; a backreference is any text; an atomic group is a group that
may fail at its end.

Source:
    Weideman, van der Merwe, Berglund and Watson, "Analyzing matching time behavior of backtracking
    regular expression matchers by using ambiguity of NFA", CIAA 2016. Weber and Seidl, "On the
    degree of ambiguity of finite automata", 1991.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache, reduce
from itertools import pairwise, product
from math import inf, prod
from operator import or_
from re import _constants as sre
from re import _parser as parser
from re._casefix import _EXTRA_CASES  # type: ignore[import-not-found]
from typing import Any, Final, NamedTuple

# A repeat of at most so many is written out; one of more is a loop that weighs its maximum.
_WRITTEN_OUT: Final = 4
# More pairs or chains than these are taken for infinite.
_MOST_VISITED: Final = 3_000_000
_MOST_CHAINS: Final = 100_000


def steps(pattern: str | bytes, flags: int = 0, method: str = "search") -> float:
    """The most tries for each character of a text; `inf` if they grow with the text.

    Args:
        method: how the pattern is used: `match` and `fullmatch` start once, all others at each
            character.
    """
    return _Automaton(pattern, flags, method).steps()


# Classes of characters.


@cache
def _kinds() -> list[list[int]]:
    """Unicode's code points in ascending order, by what `\\w`, `\\s` and `\\d` say of them."""
    kinds: dict[tuple[bool, ...], list[int]] = defaultdict(list)
    for code in range(0x110000):
        sign = chr(code)
        kinds[(sign.isalnum(), sign.isdecimal(), sign.isspace(), code < 128)].append(code)
    return list(kinds.values())


@cache
def _variants(code: int) -> tuple[int, ...]:
    """A character in each case, as `re.IGNORECASE` compares it."""
    found = {code}
    for _ in range(2):
        for known in tuple(found):
            cases = (chr(known).lower(), chr(known).upper(), chr(known).swapcase())
            found.update(ord(case) for case in cases if len(case) == 1)
            found.update(_EXTRA_CASES.get(known, ()))
    return tuple(found)


def _is_of(category: Any, code: int, ascii_only: bool) -> bool:
    name = str(category)
    sign = chr(code)
    if ascii_only and code > 127:
        holds = False
    elif name.endswith("DIGIT"):
        holds = sign.isdecimal()
    elif name.endswith("SPACE"):
        holds = sign.isspace() and not (ascii_only and code in range(0x1C, 0x20))
    else:
        holds = sign.isalnum() or sign == "_"
    return holds != ("_NOT_" in name)


class _Alphabet:
    """Partition of all characters into classes; a set of classes is an integer of bits.

    Two more bits are the beginning and the end of the text.
    """

    def __init__(self, tree: Any, flags: int, most: int) -> None:
        ends = {0, most, 10, 11, ord("_"), ord("_") + 1}
        for low, high in _ranges(tree):
            for code in {low, high}:
                ends.update(_variants(code) if flags or code < 128 else {code})
            ends.update({low, high + 1})
            if high - low < 128:
                ends.update(variant for code in range(low, high + 1) for variant in _variants(code))
        ends |= {end + 1 for end in ends if end + 1 < most}
        cuts = sorted(end for end in ends if end <= most)
        self.codes = []
        for low, high in pairwise(cuts):
            for kind in _kinds():
                place = bisect_left(kind, low)
                if place < len(kind) and kind[place] < high:
                    self.codes.append(kind[place])
        self.all = (1 << len(self.codes)) - 1
        self.beginning = self.all + 1
        self.end = self.beginning << 1
        self.any = self.all | self.beginning | self.end

    def of(self, items: Any, flags: int) -> int:
        """The classes that a set of characters has."""
        negated = items[0][0] is sre.NEGATE
        variants = _variants if flags & re.IGNORECASE else lambda code: (code,)
        ascii_only = bool(flags & re.ASCII)
        found = 0
        for place, code in enumerate(self.codes):
            if any(_has(item, variant, ascii_only) for variant in variants(code) for item in items):
                found |= 1 << place
        return self.all & ~found if negated else found


def _has(item: Any, code: int, ascii_only: bool) -> bool:
    operator, value = item
    if operator is sre.LITERAL:
        return bool(code == value)
    if operator is sre.RANGE:
        return bool(value[0] <= code <= value[1])
    return operator is sre.CATEGORY and _is_of(value, code, ascii_only)


def _ranges(tree: Any) -> Iterator[tuple[int, int]]:
    """Every range of characters that is named in a pattern."""
    if isinstance(tree, tuple) and len(tree) == 2:
        operator, value = tree
        if operator in (sre.LITERAL, sre.NOT_LITERAL):
            yield value, value
        elif operator is sre.RANGE:
            yield value
    if isinstance(tree, (tuple, list, parser.SubPattern)):
        for part in tree:
            yield from _ranges(part)


# The automaton.


class _Guard(NamedTuple):
    """A condition between two characters. An unsure one may fail besides."""

    before: int
    behind: int
    is_sure: bool = True

    def __and__(self, other: "_Guard") -> "_Guard":
        return _Guard(
            self.before & other.before,
            self.behind & other.behind,
            self.is_sure and other.is_sure,
        )


class _Entry(NamedTuple):
    """A position at the beginning or end of a part; `is_fork` if a lookahead begins with it."""

    position: int
    guard: _Guard
    is_fork: bool = False


class _Part(NamedTuple):
    """A part of a pattern: positions at its ends, and conditions under which it reads nothing."""

    first: tuple[_Entry, ...]
    last: tuple[_Entry, ...]
    empty: tuple[_Guard, ...]


class _Edge(NamedTuple):
    """A step that reads one of `classes`, to a node."""

    classes: int
    node: tuple[int, int]
    is_sure: bool
    is_fork: bool


_Node = tuple[int, int]
_Graph = dict[_Node, list[_Edge]]
_START: Final = -1


class _Automaton:
    def __init__(self, pattern: str | bytes, flags: int, method: str) -> None:
        tree = parser.parse(pattern, flags & ~re.DEBUG)
        self.flags = tree.state.flags
        if isinstance(pattern, bytes):
            self.flags |= re.ASCII
        self._groups = tree.state.groupwidths
        self._alphabet = _Alphabet(
            tree, self.flags, 256 if isinstance(pattern, bytes) else 0x110000
        )
        self._groups_of_one: dict[int | None, int] = {}
        self._always = _Guard(self._alphabet.any, self._alphabet.any)
        self._classes: list[int] = []
        self._weights: list[float] = []
        self._in_lookahead: list[bool] = []
        self._follow: dict[int, list[_Entry]] = defaultdict(list)
        self._weight: float = 0
        self._looks_ahead = False
        self._accepts: dict[int, list[_Guard]] = defaultdict(list)
        self._leading: dict[tuple[int, frozenset[_Node]], frozenset[_Node]] = {}

        whole = self._sequence(tree, self.flags)
        at_end = self._always
        if method == "fullmatch":
            at_end = at_end._replace(behind=self._alphabet.end)
        self._follow[_START] = list(whole.first)
        for entry in whole.last:
            self._accepts[entry.position].append(entry.guard & at_end)
        self._accepts[_START] = [guard & at_end for guard in whole.empty]
        self._is_searched = method not in ("match", "fullmatch")
        self._make_graphs()

    # Building.

    def _sequence(self, tree: Any, flags: int) -> _Part:
        whole = _Part((), (), (self._always,))
        for operator, value in tree:
            whole = self._joined(whole, self._part(operator, value, flags))
        return whole

    def _joined(self, one: _Part, other: _Part) -> _Part:
        for last, first in product(one.last, other.first):
            self._connect(last, first)
        return _Part(
            _distinct((*one.first, *self._behind(one.empty, other.first))),
            _distinct((*self._behind(other.empty, one.last), *other.last)),
            _distinct(one_ & other_ for one_, other_ in product(one.empty, other.empty)),
        )

    def _behind(self, guards: Iterable[_Guard], entries: Iterable[_Entry]) -> Iterator[_Entry]:
        for guard, entry in product(guards, entries):
            yield entry._replace(guard=guard & entry.guard)

    def _connect(self, last: _Entry, first: _Entry) -> None:
        guard = last.guard & first.guard
        if (
            guard.before & self._classes[last.position]
            and guard.behind & (self._classes[first.position])
        ):
            entry = first._replace(guard=guard)
            if self._follow[last.position].count(entry) < 2:
                self._follow[last.position].append(entry)

    def _position(self, classes: int) -> _Part:
        self._classes.append(classes)
        self._weights.append(self._weight)
        self._in_lookahead.append(self._looks_ahead)
        entry = _Entry(len(self._classes) - 1, self._always)
        return _Part((entry,), (entry,), ())

    def _part(self, operator: Any, value: Any, flags: int) -> _Part:
        single = self._single(operator, value, flags)
        if single is not None:
            if operator is sre.SUBPATTERN:
                self._groups_of_one[value[0]] = single
            return self._position(single)
        if operator is sre.SUBPATTERN:
            _, added, removed, body = value
            return self._sequence(body, (flags | added) & ~removed)
        if operator is sre.ATOMIC_GROUP:
            return self._unsure(self._sequence(value, flags))
        if operator in (sre.BRANCH, sre.GROUPREF_EXISTS):
            branches = value[1] if operator is sre.BRANCH else (value[1], value[2] or ())
            return self._either([self._sequence(branch, flags) for branch in branches])
        if operator in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            least, most, body = value
            return self._repeat(operator is sre.POSSESSIVE_REPEAT, least, most, body, flags)
        if operator in (sre.ASSERT, sre.ASSERT_NOT):
            direction, body = value
            return self._look_around(operator is sre.ASSERT_NOT, direction, body, flags)
        if operator is sre.AT:
            return _Part((), (), tuple(self._place(value, flags)))
        if operator is sre.GROUPREF:
            return self._repeated_group(value, flags)
        assert operator is sre.FAILURE, operator
        return _Part((), (), ())

    def _repeated_group(self, group: int, flags: int) -> _Part:
        """A backreference: characters of any kind, or one of the group's single one."""
        unsure = self._always._replace(is_sure=False)
        if group in self._groups_of_one:
            part = self._position(self._groups_of_one[group])
        else:
            least, most = self._groups[group]
            anything = _tree([(sre.IN, [(sre.NEGATE, None)])])
            part = self._repeat(False, least, min(most, sre.MAXREPEAT), anything, flags)
        return part._replace(first=tuple(self._behind([unsure], part.first)))

    def _either(self, parts: list[_Part]) -> _Part:
        return _Part(*(_distinct(entry for part in parts for entry in part[i]) for i in range(3)))

    def _single(self, operator: Any, value: Any, flags: int) -> int | None:
        """The classes of a part that reads exactly one character; None for any other part."""
        if operator is sre.LITERAL:
            return self._alphabet.of([(sre.LITERAL, value)], flags)
        if operator is sre.NOT_LITERAL:
            return self._alphabet.of([(sre.NEGATE, None), (sre.LITERAL, value)], flags)
        if operator is sre.ANY:
            newline = [] if flags & re.DOTALL else [(sre.LITERAL, 10)]
            return self._alphabet.of([(sre.NEGATE, None), *newline], 0)
        if operator is sre.IN:
            return self._alphabet.of(value, flags)
        if operator is sre.SUBPATTERN and len(value[3]) == 1:
            [(inner, its_value)] = value[3]
            return self._single(inner, its_value, (flags | value[1]) & ~value[2])
        return None

    def _repeat(self, is_possessive: bool, least: int, most: Any, body: Any, flags: int) -> _Part:
        most = inf if most is sre.MAXREPEAT else most
        part = self._copies(least, most, body, flags)
        if not is_possessive:
            return part
        single = self._single(body[0][0], body[0][1], flags) if len(body) == 1 else None
        return self._unsure(part) if single is None else self._kept(part, single, most)

    def _copies(self, least: int, most: float, body: Any, flags: int) -> _Part:
        nothing = _Part((), (), (self._always,))
        if most <= _WRITTEN_OUT:
            copies = [self._sequence(body, flags) for _ in range(int(most))]
            optional = nothing
            for copy in reversed(copies[least:]):
                joined = self._joined(copy, optional)
                optional = joined._replace(empty=_distinct((*joined.empty, self._always)))
            return reduce(self._joined, [*copies[:least], optional], nothing)
        if least > _WRITTEN_OUT and not self._looks_ahead:
            # The tries that end before the least number: a branch that leads nowhere.
            outer, self._weight = self._weight, 0
            fork = self._loop(body, flags, least)
            self._weight = outer
            part = self._copies(1, most, body, flags)
            return part._replace(first=(*part.first, *fork.first))
        before = [self._sequence(body, flags) for _ in range(min(least, _WRITTEN_OUT) - 1)]
        part = self._loop(body, flags, most)
        if least == 0:
            part = part._replace(empty=_distinct((*part.empty, self._always)))
        return reduce(self._joined, [*before, part])

    def _unsure(self, part: _Part) -> _Part:
        """A part that may fail at its end, as if another way through it had been kept."""
        unsure = [self._always._replace(is_sure=False)]
        return part._replace(
            last=tuple(self._behind(unsure, part.last)),
            empty=tuple(guard & unsure[0] for guard in part.empty),
        )

    def _loop(self, body: Any, flags: int, most: float) -> _Part:
        outer, width = self._weight, body.getwidth()[1]
        self._weight = outer or most * (inf if width >= sre.MAXREPEAT else max(width, 1))
        part = self._sequence(body, flags)
        for last, first in product(part.last, part.first):
            self._connect(last, first)
        self._weight = outer
        return part

    def _kept(self, part: _Part, classes: int, most: float) -> _Part:
        """A possessive repeat of one character, which ends only before another one."""
        ways = [self._always._replace(behind=self._alphabet.any & ~classes)]
        if most < inf:
            ways.append(_Guard(self._alphabet.any, classes, is_sure=False))
        return part._replace(
            last=_distinct(self._behind(ways, part.last)),
            empty=_distinct(ways[0] & guard for guard in part.empty),
        )

    def _look_around(self, is_negative: bool, direction: int, body: Any, flags: int) -> _Part:
        classes = self._looked_for(body, flags, behind=direction < 0)
        unsure = self._always._replace(is_sure=False)
        if direction < 0:
            if classes is None:
                return _Part((), (), (unsure,))
            seen = self._alphabet.any & ~classes if is_negative else classes
            return _Part((), (), (self._always._replace(before=seen),))
        if classes is not None:
            seen = self._alphabet.any & ~classes if is_negative else classes
            return _Part((), (), (self._always._replace(behind=seen),))
        looks_ahead, self._looks_ahead = self._looks_ahead, True
        part = self._sequence(body, flags)
        self._looks_ahead = looks_ahead
        return _Part(tuple(entry._replace(is_fork=True) for entry in part.first), (), (unsure,))

    def _looked_for(self, body: Any, flags: int, *, behind: bool) -> int | None:
        """The classes that a lookaround of one character, or of an end of the text, asks for."""
        branches = body[0][1][1] if len(body) == 1 and body[0][0] is sre.BRANCH else [body]
        found = 0
        for branch in branches:
            if len(branch) != 1:
                return None
            operator, value = branch[0]
            if operator is sre.SUBPATTERN:
                classes = self._looked_for(value[3], (flags | value[1]) & ~value[2], behind=behind)
            elif operator is sre.AT:
                guards = list(self._place(value, flags))
                is_plain = len(guards) == 1 and value not in (sre.AT_END,)
                side = guards[0].before if behind else guards[0].behind
                classes = side if is_plain and side != self._alphabet.any else None
            else:
                classes = self._single(operator, value, flags)
            if classes is None:
                return None
            found |= classes
        return found

    def _place(self, place: Any, flags: int) -> Iterator[_Guard]:
        alphabet = self._alphabet
        newline = alphabet.of([(sre.LITERAL, 10)], 0)
        lines = newline if flags & re.MULTILINE else 0
        if place is sre.AT_BEGINNING_STRING:
            yield self._always._replace(before=alphabet.beginning)
        elif place is sre.AT_BEGINNING:
            yield self._always._replace(before=alphabet.beginning | lines)
        elif place is sre.AT_END_STRING:
            yield self._always._replace(behind=alphabet.end)
        elif place is sre.AT_END:
            yield self._always._replace(behind=alphabet.end | lines)
            if not lines:
                yield _Guard(alphabet.any, newline, is_sure=False)
        else:
            word = alphabet.of([(sre.CATEGORY, sre.CATEGORY_WORD)], flags)
            other = alphabet.any & ~word
            if place is sre.AT_BOUNDARY:
                yield _Guard(word, other)
                yield _Guard(other, word)
            else:
                yield _Guard(word, word)
                yield _Guard(other, other)

    # The graphs: one of all paths, one of those that may fail.

    def _make_graphs(self) -> None:
        any_ = self._alphabet.any
        seen = {
            guard.before
            for entries in self._follow.values()
            for guard in (entry.guard for entry in entries)
        } | {guard.before for guards in self._accepts.values() for guard in guards}
        # Characters that no condition tells apart, once they are read.
        groups: list[int] = [any_]
        for mask in seen:
            groups = [part for group in groups for part in (group & mask, group & ~mask) if part]
        self._by_group = groups
        self.paths: _Graph = {}
        todo = [(_START, place) for place in range(len(groups))]
        while todo:
            node = todo.pop()
            if node not in self.paths:
                self.paths[node] = list(self._edges(node))
                todo += [edge.node for edge in self.paths[node]]
        self._find_failing()

    def _edges(self, node: _Node) -> Iterator[_Edge]:
        position, place = node
        before = self._by_group[place]
        for following, guard, is_fork in self._follow[position]:
            if not guard.before & before:
                continue
            classes = guard.behind & self._classes[following]
            for number, group in enumerate(self._by_group):
                if classes & group:
                    yield _Edge(classes & group, (following, number), guard.is_sure, is_fork)

    def _find_failing(self) -> None:
        """Paths that may fail: a node of them has a text behind it on which all its paths fail."""
        any_ = self._alphabet.end | self._alphabet.all
        accepted = {
            node: reduce(
                or_,
                (
                    guard.behind
                    for guard in self._accepts[node[0]]
                    if guard.is_sure and guard.before & self._by_group[node[1]]
                ),
                0,
            )
            for node in self.paths
        }
        may_fail = {node for node in self.paths if node[0] >= 0 and self._in_lookahead[node[0]]}
        # Classes behind a node that surely lead to a success.
        succeeds: dict[_Node, int] = {}
        grows = True
        while grows:
            grows = False
            for node, edges in self.paths.items():
                succeeds[node] = reduce(
                    or_,
                    (
                        edge.classes
                        for edge in edges
                        if edge.is_sure and not edge.is_fork and edge.node not in may_fail
                    ),
                    accepted[node],
                )
                if node not in may_fail and any_ & ~succeeds[node]:
                    may_fail.add(node)
                    grows = True
        self.failing: _Graph = {}
        for node in self.paths:
            if node in may_fail:
                self.failing[node] = [
                    edge._replace(classes=edge.classes & ~succeeds[node])
                    for edge in self.paths[node]
                    if edge.node in may_fail and edge.classes & ~succeeds[node]
                ]

        self._before_paths, self._before_failing = map(_backwards, (self.paths, self.failing))

    # Counting.

    def steps(self) -> float:
        loops = _loops(self.failing)
        if any(self._is_ambiguous(loop) for loop in loops):
            return inf
        linked = {i: self._linked(loop, self.failing, loops) for i, loop in enumerate(loops)}
        weights = [self._weight_of(loop) for loop in loops]
        roots = [
            (self._weight_of(loop), self._linked(loop, self.paths, loops))
            for loop in _loops(self.paths)
        ]
        if self._is_searched:
            roots.append((inf, [i for i, loop in enumerate(loops) if self._starts_in(loop)]))
        return max((_cost(weight, links, linked, weights) for weight, links in roots), default=0)

    def _weight_of(self, loop: frozenset[_Node]) -> float:
        return max(self._weights[position] for position, _ in loop)

    def _is_ambiguous(self, loop: frozenset[_Node]) -> bool:
        """Whether a text leads from a node of a loop back to it in two ways: exponential."""
        edges = _within(loop, self.failing)
        found: set[tuple[_Node, _Node]] = set()
        todo = [(node, node) for node in loop]
        while todo:
            here, there = todo.pop()
            for one, other in product(edges[here], edges[there]):
                if one is other or not one.classes & other.classes:
                    continue
                if one.node == other.node:
                    return True
                pair = (one.node, other.node)
                if pair not in found:
                    found.add(pair)
                    todo.append(pair)
        return False

    def _linked(
        self, loop: frozenset[_Node], graph: _Graph, loops: list[frozenset[_Node]]
    ) -> list[int]:
        reached = self._reached(loop, graph)
        return [
            i
            for i, other in enumerate(loops)
            if other != loop and not other.isdisjoint(reached)
            if self._multiplies(loop, graph, other)
        ]

    def _starts_in(self, loop: frozenset[_Node]) -> bool:
        """Whether a search that starts at each character goes around a loop each time."""
        sources = ((None, (_START, group), node) for node in loop for group in [node[1]])
        return self._meets(sources, {}, frozenset(), loop, self.paths)

    def _multiplies(self, loop: frozenset[_Node], graph: _Graph, other: frozenset[_Node]) -> bool:
        """Whether each turn of a loop may branch into another loop that reads the same text."""
        sources = (
            (one, one, two)
            for one, two in product(loop, other)
            if one != two
            and one[1] == two[1]
            and self._classes[one[0]] & self._classes[two[0]] & self._by_group[one[1]]
        )
        return self._meets(sources, graph, loop, other, self.failing)

    def _meets(
        self,
        sources: Iterable[tuple[_Node | None, _Node, _Node]],
        graph: _Graph,
        loop: frozenset[_Node],
        other: frozenset[_Node],
        between: _Graph,
    ) -> bool:
        """Whether a text leads around `loop`, around `other`, and from the one to the other."""
        leading = self._leading_to(other, between)
        stay = _within(other, self.failing)
        turn = _within(loop, graph)
        anything = [_Edge(self._alphabet.all, (_START, 0), True, False)]
        found: set[tuple[_Node | None, _Node, _Node]] = set()
        todo: list[tuple[_Node | None, _Node, _Node]] = []

        def step(a: _Node | None, edges: list[_Edge], c: _Node) -> None:
            for three, two in product(stay[c], edges):
                both = three.classes & two.classes
                if not both:
                    continue
                for one in anything if a is None else turn[a]:
                    if one.classes & both:
                        triple = (None if a is None else one.node, two.node, three.node)
                        if triple not in found:
                            found.add(triple)
                            todo.append(triple)

        for a, b, c in sources:
            step(a, [edge for edge in self.paths[b] if edge.node in leading], c)
        while todo:
            a, b, c = todo.pop()
            if a != b == c or len(found) > _MOST_VISITED:
                return True
            step(a, [edge for edge in between[b] if edge.node in leading], c)
        return False

    def _leading_to(self, loop: frozenset[_Node], graph: _Graph) -> frozenset[_Node]:
        key = (id(graph), loop)
        if key not in self._leading:
            before = self._before_paths if graph is self.paths else self._before_failing
            self._leading[key] = _closure(loop, lambda node: before[node])
        return self._leading[key]

    def _reached(self, loop: frozenset[_Node], graph: _Graph) -> frozenset[_Node]:
        return _closure(loop, lambda node: (edge.node for edge in graph[node]))


def _closure(
    nodes: Iterable[_Node], neighbours: Callable[[_Node], Iterable[_Node]]
) -> frozenset[_Node]:
    found, todo = set(nodes), list(nodes)
    while todo:
        for node in neighbours(todo.pop()):
            if node not in found:
                found.add(node)
                todo.append(node)
    return frozenset(found)


def _backwards(graph: _Graph) -> dict[_Node, list[_Node]]:
    before: dict[_Node, list[_Node]] = defaultdict(list)
    for node, edges in graph.items():
        for edge in edges:
            before[edge.node].append(node)
    return before


def _within(loop: frozenset[_Node], graph: _Graph) -> _Graph:
    return {node: [edge for edge in graph[node] if edge.node in loop] for node in loop}


def _tree(items: list[Any]) -> Any:
    return parser.SubPattern(parser.State(), items)


def _distinct(entries: Iterable[Any]) -> tuple[Any, ...]:
    """Each entry at most twice: more ways to the same place tell nothing new."""
    counts: dict[Any, int] = {}
    for entry in entries:
        counts[entry] = min(counts.get(entry, 0) + 1, 2)
    return tuple(entry for entry, count in counts.items() for _ in range(count))


def _loops(graph: _Graph) -> list[frozenset[_Node]]:
    """Strongly connected components with a cycle (Tarjan), as loops of nodes."""
    order: dict[_Node, int] = {}
    low: dict[_Node, int] = {}
    stack: list[_Node] = []
    on_stack: set[_Node] = set()
    found = []
    for root in graph:
        if root in order:
            continue
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter(graph[root]))]
        while work:
            node, edges = work[-1]
            edge = next(edges, None)
            if edge is not None:
                if edge.node not in order:
                    order[edge.node] = low[edge.node] = len(order)
                    stack.append(edge.node)
                    on_stack.add(edge.node)
                    work.append((edge.node, iter(graph[edge.node])))
                elif edge.node in on_stack:
                    low[node] = min(low[node], order[edge.node])
                continue
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[node])
            if low[node] == order[node]:
                place = stack.index(node)
                component = frozenset(stack[place:])
                del stack[place:]
                on_stack -= component
                if len(component) > 1 or any(edge.node == node for edge in graph[node]):
                    found.append(component)
    return found


def _cost(
    weight: float, links: list[int], linked: dict[int, list[int]], weights: list[float]
) -> float:
    """The steps for each character, of all chains of loops that multiply.

    A chain's loops read one text, at least as long as its longest loop.
    """
    total: float = 0
    chains = [(weight, [i]) for i in links]
    count = 0
    while chains:
        root, chain = chains.pop()
        count += 1
        factors = sorted([root, *(weights[i] for i in chain)])
        total += prod(factors[:-1])
        if total == inf or count > _MOST_CHAINS:
            return inf
        chains += [(root, [*chain, i]) for i in linked[chain[-1]]]
    return total
