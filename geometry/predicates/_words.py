"""What people and models are told of a predicate: the texts beside its module, filled in.

`NAME.toml` has one table for each audience: `says` (for those who know the objects' ids), `models`, `people.LANGUAGE`.
A text is one for all variants, or a table by the words that a call uses; {curly} parts are filled in with

- the objects by role, {all} of them, the {others} than the first, and {new}, the one that an edit should have added,
- the call's own numbers ({value_m}), and {low} to {high}, what still passes for them,
- the tolerance of a constraint by its name ({bearing}): from the profile, as the judges take it,
- and any other text of the table ({relation}).

What all predicates share, how objects and numbers are written among it, stands in `_common.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from genspace.errors import InputError
from genspace.geometry.profiles import CORRECTED, Tolerances

if TYPE_CHECKING:
    from genspace.geometry.predicates._bound import Bound
    from genspace.geometry.predicates._predicate import Predicate

Text: TypeAlias = str | Sequence["Text"] | Mapping[str, "Text"]
"""A text, several, or a table of them."""
Table: TypeAlias = Mapping[str, Text]

_BLANK = re.compile(r"\{(\w+)\}")


class Untold(InputError):  # noqa: N818  the reason why nothing is asked
    """Words cannot say what is asked: they would have to single out one of two of a kind."""


@cache
def _read(package: str, name: str) -> Table:
    try:
        return tomllib.loads(files(package).joinpath(f"{name}.toml").read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"predicate {name!r} has no words: there is no {name}.toml in {package}") from None


def words_of(predicate: Predicate) -> Table:
    """Return everything that is said of a predicate. Errors: `InputError` where a plugin brings no words.

    >>> from genspace.geometry.predicates import predicate_named
    >>> sorted(words_of(predicate_named("object_distance")))
    ['models', 'people', 'prompts', 'says']
    """
    return _read(predicate.package, predicate.name)


def common_words(*path: str) -> Table:
    """Return a table of what all predicates share: `common_words("people", "en")`.

    >>> sorted(common_words("people"))
    ['ar', 'de', 'en']
    """
    return table_at(_read(__package__, "_common"), *path)


def table_at(node: Text, *path: str) -> Table:
    """Return the table at a path; an empty one where there is none.

    >>> table_at({"people": {"en": {"left": "left of"}}}, "people", "en"), table_at({}, "people")
    ({'left': 'left of'}, {})
    """
    for part in path:
        node = node.get(part, {}) if isinstance(node, Mapping) else {}
    return node if isinstance(node, Mapping) else {}


def sentence(text: str) -> str:
    """Return a text with a capital letter.

    >>> sentence("the cat is left of the dog")
    'The cat is left of the dog'
    """
    return text[:1].upper() + text[1:]


@dataclass(frozen=True)
class Voice:
    """How one audience is spoken to."""

    common: Table
    """How objects and numbers are written; see `_common.toml`."""
    family: Callable[[Predicate], Table]
    """A predicate's texts for this audience; empty where it has none."""
    clean: Callable[[str], str] = str
    """Makes a name that comes from outside safe to be quoted."""
    by_id: bool = False
    """Whether objects are called by their ids."""
    fallback: Voice | None = None
    """Who speaks of predicates that have no texts for this audience."""

    def tell(
        self, bound: Bound, key: str, *, edit: bool = False, tolerances: Tolerances = CORRECTED.tolerances
    ) -> str | None:
        """Return a text of a predicate, filled in; None where it has none for this audience.

        `edit`: whether there is a picture before. Errors: `Untold`.

        >>> from genspace.geometry.predicates import bind
        >>> people("en").tell(bind("egocentric(cat, chair, relation=left)"), "question")
        'From where we look, is the cat to the left of the chair?'
        """
        if self.fallback and not self.family(bound.predicate):
            return self.fallback.tell(bound, key, edit=edit, tolerances=tolerances)
        text = self.find(bound, key)
        if not isinstance(text, str):
            return None
        told = self.fill(text, bound, tolerances)
        if edit and not bound.predicate.compares:
            frame = table_at(self.common, "added" if "new" in bound.settings else "edit").get(key)
            if isinstance(frame, str):
                rest = told[:1].lower() + told[1:]
                return self.fill(frame, bound, tolerances, {"told": sentence(told), "rest": rest})
        return told

    @property
    def labels(self) -> dict[str, str]:
        """What stands in drawings, by name."""
        return {
            key: label for key, label in table_at(self.common, "drawing").items() if isinstance(label, str)
        }

    def find(self, bound: Bound, key: str) -> Text | None:
        """Return a text, or a list of texts, as it stands in the tables for the words of the call."""
        table = self.family(bound.predicate)
        if bound.either_order:
            table = {**table, **table_at(table, "either")}
        if "inner" in bound.settings or "outer" in bound.settings:
            table = {**table, **table_at(table, "given")}
        words = (bound.word, *(value for value in bound.settings.values() if isinstance(value, str)))
        node: Text | None = table.get(key)
        while isinstance(node, Mapping):
            node = next((node[word] for word in words if word in node), None)
        return node

    def fill(
        self,
        text: str,
        bound: Bound,
        tolerances: Tolerances = CORRECTED.tolerances,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        """Return a text with its curly parts filled in, `more` of them too.

        Errors: `Untold`; `InputError` for a part that nothing fills.
        """
        values = {**self._objects(bound), **self._numbers(bound, tolerances), **more}

        def part(blank: re.Match[str]) -> str:
            key = blank[1]
            if key in values:
                return values[key]
            text = self.find(bound, key)
            if isinstance(text, str):
                return _BLANK.sub(part, text)
            if isinstance(bound.settings.get(key), str):
                return str(bound.settings[key])
            if key in bound.predicate.roles:
                raise Untold(
                    f"predicate {bound.text!r}: words cannot say which {' or '.join(sorted(bound.alike))} is meant"
                )
            raise InputError(f"words of {bound.predicate.name}: nothing fills {{{key}}}")

        return _BLANK.sub(part, text)

    def called(self, nouns: Iterable[str]) -> str:
        """Return what objects are called, those of one kind together: "the cat and the two horses"."""
        parts = [self._counted(noun, count) for noun, count in Counter(nouns).items()]
        return str(self.common["and"]).join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))

    def _counted(self, noun: str, count: int, key: str = "several") -> str:
        pattern = str(self.common[key if count > 1 else "one"])
        number = table_at(self.common, "counts").get(str(count), str(count))
        forms = {"count": str(number), "noun": self.clean(noun)}
        if "{nouns}" in pattern:
            from genspace.geometry.perception.labels import plural

            forms["nouns"] = self.clean(plural(noun))
        return _BLANK.sub(lambda blank: forms[blank[1]], pattern)

    def _objects(self, bound: Bound) -> dict[str, str]:
        names = bound.ids if self.by_id else bound.names
        told = {
            role: self.called([name])
            for role, name in zip(bound.predicate.roles, names, strict=False)
            if self.by_id or name not in bound.alike
        }
        told |= {"all": self.called(names), "others": self.called(names[1:])}
        if "new" in bound.settings:
            new = names[bound.ids.index(str(bound.settings["new"]))]
            told["new"] = self._counted(new, names.count(new), "one_of")
        return told

    def _numbers(self, bound: Bound, tolerances: Tolerances) -> dict[str, str]:
        told = {key: self.quantity(float(bound.settings[key]), key) for key in bound.variant.values}
        limits = bound.limits(tolerances)
        for key, limit in bound.declared.items():
            inner = limits[key][0]
            if limit.unit in {"deg", "m"}:
                told[key] = self.quantity(inner, limit.unit, rough=True)
                continue
            told[key] = self.quantity(limit.around(1.0, inner)[1], "", rough=True)
            for wanted in bound.variant.values:
                ends = limit.around(float(bound.settings[wanted]), inner)
                told["low"], told["high"] = (self.quantity(end, wanted, rough=True) for end in ends)
        return told

    def quantity(self, value: float, name: str, *, rough: bool = False) -> str:
        """Return a number with the unit that its name ends in, below a metre in centimetres.

        >>> people("en").quantity(0.8, "value_m"), people("de").quantity(1 + 1 / 3, "m", rough=True)
        ('80 cm', '1,33 m')
        """
        unit = name.rpartition("_")[2]
        if unit == "m" and value < 0.995 and "cm" in self.common:
            unit, value = "cm", 100 * value
        if rough:
            value = round(value, (unit != "cm") + (value < 10))
        number = f"{value:g}".replace(".", str(self.common.get("decimal", ".")))
        return str(self.common.get(unit, "{value}")).replace("{value}", number)


LANGUAGES = tuple(common_words("people"))
"""Languages in which people can be asked about every predicate of genspace."""


def people(language: str) -> Voice:
    """Return how people are spoken to in one of `LANGUAGES`.

    >>> from genspace.geometry.predicates import bind
    >>> people("en").tell(bind("object_distance(cat, dog, value_m=1)"), "question")
    'Are the cat and the dog about 1 m apart, measured between their centres?'
    """
    return Voice(common_words("people", language), lambda p: table_at(words_of(p), "people", language))


def to_translate(language: str) -> str:
    """Return what people are told in a language as one TOML text: tables `words` and `questions.NAME`.

    >>> to_translate("en").splitlines()[0]
    '[words]'
    """
    from genspace.geometry.predicates._registry import built_in

    texts = [("_common", "words"), *((name, f"questions.{name}") for name in built_in())]
    parts = []
    for name, table in texts:
        text = files(__name__.rpartition(".")[0]).joinpath(f"{name}.toml").read_text(encoding="utf-8")
        parts += [
            part.replace(f"people.{language}", table, 1).partition("\n#")[0].strip()
            for part in re.split(r"\n(?=\[)", text)
            if part.startswith((f"[people.{language}]", f"[people.{language}."))
        ]
    return "\n\n".join(parts) + "\n"


BY_ID = Voice(common_words("says"), lambda p: table_at(words_of(p), "says"), by_id=True)
"""How records speak: objects by their ids."""
