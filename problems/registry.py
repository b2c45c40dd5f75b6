"""Where decorated items are found again by key: problems, rules, schedules, claims."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from problems.notation import (
    InputError,
    exact,
    format_specification,
    nearest,
    parse,
    require,
)

__all__ = ["Entry", "Registry"]

Built = TypeVar("Built")


@dataclass(frozen=True)
class Entry(Generic[Built]):
    """One decorated function: its key, its facts and how to build what it describes.

    Attributes:
        key: The Python name with hyphens.
        title: The first line of the docstring.
        source: Keys into references.bib, each with the place in that paper, or none.
        tags: Words to filter by.
        parameters: Names of the keyword-only parameters and their defaults.
        function: The decorated function itself.
        facts: What the decorator was told besides.
    """

    kind: str
    key: str
    title: str
    source: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    parameters: Mapping[str, Any]
    function: Callable[..., Any]
    build: Callable[[Entry[Built], Mapping[str, Any]], Built]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, **parameters: Any) -> Built:
        """Build the item; parameters left out take their defaults.

        Raises:
            InputError: A parameter is unknown, missing or out of its range.
        """
        for name in parameters:
            if name not in self.parameters:
                raise InputError(
                    f"{self.kind} {self.key} has no parameter {name!r}; "
                    + nearest(name, self.parameters)
                )
        settings = {**self.parameters, **parameters}
        missing = [name for name, value in settings.items() if value is inspect.Parameter.empty]
        require(not missing, f"{self.kind} {self.key} needs a value for {', '.join(missing)}")
        try:
            return self.build(self, settings)
        except InputError:
            raise
        except (TypeError, ValueError, OverflowError) as error:
            # A parameter of the wrong kind (text for a number) fails in the factory's arithmetic.
            wrong = [f"{name}={value!r}" for name, value in parameters.items()]
            raise InputError(
                f"{self.kind} {self.key} cannot be built with {', '.join(wrong) or 'defaults'}: "
                f"{error}"
            ) from error

    def specification(self, settings: Mapping[str, Any]) -> str:
        """The shortest text that builds the item with these settings."""
        given = {
            name: value
            for name, value in settings.items()
            # Two numbers that were typed may be one float64.
            if value != (default := self.parameters.get(name)) or exact(value) != exact(default)
        }
        return format_specification(self.key, given)

    def renamed(self, key: str, **facts: Any) -> Entry[Built]:
        """The same entry under another key, with more facts."""
        return replace(self, key=key, facts={**self.facts, **facts})

    @property
    def documentation(self) -> str:
        """The docstring, cleaned."""
        return inspect.getdoc(self.function) or ""

    @property
    def citation_keys(self) -> tuple[str, ...]:
        """The keys into references.bib."""
        return tuple(key for key, _ in self.source)


class Registry(Generic[Built]):
    """A mapping from key to entry, filled by a decorator.

    Args:
        kind: One word for messages: "problem", "rule", ...
        build: Turns an entry and full settings into the item.
    """

    def __init__(self, kind: str, build: Callable[[Entry[Built], Mapping[str, Any]], Built]):
        self.kind = kind
        self.build = build
        self._entries: dict[str, Entry[Built]] = {}
        self._collected: dict[str, Entry[Built]] | None = None
        self._aliases: dict[str, str] = {}

    def add(
        self,
        function: Callable[..., Any],
        *,
        source: str | tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
        alias: str | None = None,
        common: Mapping[str, Any] | None = None,
        check: Callable[[Entry[Built]], None] | None = None,
        **facts: Any,
    ) -> Entry[Built]:
        """Register a function under its name; the decorators of each floor end here.

        Args:
            function: What the entry is built from; its name gives the key, its docstring the
                title, its keyword-only arguments the parameters.
            source: `"bibkey, place"` or several of them.
            tags: Words to filter by.
            alias: A second key.
            common: Parameters that every item of the kind has, with their defaults.
            check: Raises InputError for an entry that is then not registered.
            facts: Whatever the floor's build function needs.
        """
        key = function.__name__.replace("_", "-")
        known = self._entries if self._collected is None else self._collected
        require(key not in known, f"{self.kind} {key} is registered twice")
        documentation = inspect.getdoc(function)
        require(documentation, f"{self.kind} {key} needs a docstring; its first line is the title")
        sources = (source,) if isinstance(source, str) else source
        cited = tuple((text.partition(",")[0], text.partition(",")[2].strip()) for text in sources)
        parameters = {
            name: parameter.default
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        } | dict(common or {})
        entry = Entry(
            self.kind,
            key,
            str(documentation).splitlines()[0].rstrip("."),
            cited,
            tags,
            parameters,
            function,
            self.build,
            facts,
        )
        if check:
            check(entry)
        known[key] = entry
        if alias and known is self._entries:
            self._aliases[alias] = key
        return entry

    @contextmanager
    def collecting(self) -> Iterator[list[Entry[Built]]]:
        """Keep what is registered meanwhile apart: the list is filled when the block ends."""
        outer = self._collected
        self._collected = {}
        collected: list[Entry[Built]] = []
        try:
            yield collected
        finally:
            collected += self._collected.values()
            self._collected = outer

    def __iter__(self) -> Iterator[Entry[Built]]:
        """Entries in the order they were defined."""
        return iter(self._entries.values())

    def __contains__(self, key: object) -> bool:
        return key in self._entries or key in self._aliases

    def __getitem__(self, key: str) -> Entry[Built]:
        """The entry of a key or alias.

        Raises:
            InputError: There is none; the sentence names the nearest.
        """
        found = self._entries.get(self._aliases.get(key, key))
        if found is None:
            known = [*self._entries, *self._aliases]
            raise InputError(f"there is no {self.kind} {key!r}; {nearest(key, known)}")
        return found

    def find(self, specification: str) -> Built:
        """Build an item from `key:name=value,...`.

        Raises:
            InputError: The text, the key or a parameter is not accepted.
        """
        key, parameters = parse(specification)
        return self[key](**parameters)
