"""A sequence of results that can be filtered, shown in notebooks and turned into a data frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, overload

from ttbench_core.record.html_tables import titled_table
from ttbench_core.record.result import Result
from ttbench_core.record.tables.cells import Cell
from ttbench_core.record.tables.columns import COLUMNS, DEFAULT_COLUMNS, column, row_of
from ttbench_core.record.tables.writing import table_texts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Results"]

_MAX_SHOWN_ROWS: Final = 100


class Results(Sequence[Result]):
    """A sequence of `Result`, in the order they were stored.

    Args:
        results: the elements.
    """

    def __init__(self, results: Iterable[Result] = ()) -> None:
        self._results: Final = tuple(results)

    def filter(
        self, predicate: Callable[[Result], bool] | None = None, /, **wanted: Any
    ) -> Results:
        """Return the matching results: `filter(model="bert", config=["tiny", "base"])`.

        Args:
            predicate: a test of a result.
            wanted: by the name of a column (`docs/results.md`): the value that its cell has,
                a list of such values, or a test of it. An empty cell is None.

        Raises `OptionError` for an unknown column.
        """
        tests = {column(name): _test_of(value) for name, value in wanted.items()}

        def matches(one: Result) -> bool:
            if predicate is not None and not predicate(one):
                return False
            record = vars(one)
            return all(test(of.read(record)) for of, test in tests.items())

        return Results(filter(matches, self._results))

    def rows(self) -> list[dict[str, Cell]]:
        """Return the cells of every result by the names of their columns."""
        return [row_of(vars(one)) for one in self._results]

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame, a row per result and a column per column of `docs/results.md`.

        Needs pandas: `pip install 'ttbench-core[pandas]'`.
        """
        import pandas as pd

        frame = pd.DataFrame(self.rows(), columns=[one.name for one in COLUMNS])
        types = {str: "string", int: "Int64", float: "Float64", bool: "boolean"}
        frame = frame.astype({one.name: types[one.kind] for one in COLUMNS})
        frame["started_at"] = pd.to_datetime(frame["started_at"], utc=True, errors="coerce")
        return frame

    @overload
    def __getitem__(self, at: int) -> Result: ...

    @overload
    def __getitem__(self, at: slice) -> Results: ...

    def __getitem__(self, at: int | slice) -> Result | Results:
        """Return one by its position, or several as `Results`."""
        if isinstance(at, slice):
            return Results(self._results[at])
        return self._results[at]

    def __len__(self) -> int:
        return len(self._results)

    def __add__(self, other: Iterable[Result]) -> Results:
        return Results((*self._results, *other))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (Results, list, tuple)):
            return self._results == tuple(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        models = dict.fromkeys(one.label for one in self._results)
        few = ", ".join(list(models)[:5]) + (", ..." if len(models) > 5 else "")
        count = f"{len(self)} result{'' if len(self) == 1 else 's'}"
        return f"<Results: {count}{f' of {few}' if few else ''}>"

    def _repr_html_(self) -> str:
        header, rows = table_texts(
            [row_of(vars(one)) for one in self._results[:_MAX_SHOWN_ROWS]], DEFAULT_COLUMNS
        )
        rest = len(self) - _MAX_SHOWN_ROWS
        more = f"<p>and {rest} more</p>" if rest > 0 else ""
        return titled_table(header, rows) + more


def _test_of(wanted: Any) -> Callable[[Cell], bool]:
    if callable(wanted):
        return lambda cell: bool(wanted(cell))
    if isinstance(wanted, (list, tuple, set, frozenset)):
        return lambda cell: cell in wanted
    return lambda cell: cell == wanted
