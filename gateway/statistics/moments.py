"""Sums over the units of one arm, which are all that an analysis needs. Pure."""

from dataclasses import dataclass

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Moments:
    """The sums of k values per unit, and of the products of each two, over `units` units.

    `products[i][j]` is Σ xᵢxⱼ, a symmetric k × k matrix. A covariance is divided by
    `units - degrees_lost`: 1 for a sample; 0 for events, whose variance is p(1 − p).

    The order of the values is that of the constructors: a metric, or a numerator and its
    denominator, then the same of a period before the experiment where there is one.
    """

    units: int
    sums: tuple[float, ...]
    products: Matrix
    degrees_lost: int = 1

    @classmethod
    def of_mean(cls, units: int, total: float, squares: float) -> "Moments":
        """One value per unit: Σx and Σx²."""
        return cls(units, (total,), ((squares,),))

    @classmethod
    def of_events(cls, units: int, events: float) -> "Moments":
        """Units of which `events` had something happen to them: an outcome, or a share.

        Raises:
            ValueError: more events than units, or fewer than none.
        """
        if not 0 <= events <= units:
            raise ValueError(f"{events:g} events of {units} units: count a unit once, however often it happens")
        return cls(units, (events,), ((events,),), degrees_lost=0)

    @classmethod
    def of_pair(cls, units: int, x: float, xx: float, y: float, yy: float, xy: float) -> "Moments":
        """Two values per unit: Σx, Σx², Σy, Σy² and Σxy.

        x is the numerator and y the denominator of a ratio, or x is the metric and y its covariate.
        """
        return cls(units, (x, y), ((xx, xy), (xy, yy)))

    @property
    def means(self) -> tuple[float, ...]:
        """The mean of each value; 0 without units."""
        return tuple(total / self.units if self.units else 0.0 for total in self.sums)

    @property
    def covariance(self) -> Matrix:
        """The covariances of the values of a unit, k × k; zeros for fewer than two units."""
        if self.units < 2:
            return tuple((0.0,) * len(self.sums) for _ in self.sums)
        rows = zip(self.products, self.sums, strict=True)
        return tuple(tuple(self._centred(product, a, b) for product, b in zip(row, self.sums, strict=True)) for row, a in rows)

    def _centred(self, product: float, a: float, b: float) -> float:
        return (product - a * b / self.units) / (self.units - self.degrees_lost)

    def __add__(self, other: "Moments") -> "Moments":
        """The sums over the units of both.

        Raises:
            ValueError: they are of different values.
        """
        if len(self.sums) != len(other.sums) or self.degrees_lost != other.degrees_lost:
            raise ValueError("sums of different kinds of metrics do not add up")
        return Moments(
            self.units + other.units,
            _added(self.sums, other.sums),
            tuple(_added(mine, theirs) for mine, theirs in zip(self.products, other.products, strict=True)),
            self.degrees_lost,
        )


def _added(mine: tuple[float, ...], theirs: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(a + b for a, b in zip(mine, theirs, strict=True))
