"""Seconds to find the images most like another among 100,000, by 256 features.

The search is exact: single precision first, then double precision for all that could be
among the nearest.
"""

import argparse
import time

import numpy as np

from reticnn.explanation.nearest import DISTANCES, Rows

WANTED = 0.2


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--features", type=int, default=256)
    parser.add_argument("--queries", type=int, default=50)
    given = parser.parse_args()
    rng = np.random.default_rng(1)
    shape = (given.images, given.features)
    # As behind a ReLU: half of the numbers are 0, and images come in clusters.
    centres = rng.normal(size=(20, given.features))[rng.integers(0, 20, given.images)]
    rows = np.maximum(centres + rng.normal(size=shape), 0).astype("float32")
    queries = rows[rng.choice(given.images, given.queries, replace=False)]
    print(f"{given.images:,} images, {given.features} features")
    for distance in DISTANCES:
        start = time.perf_counter()
        search = Rows(rows, distance)
        ready = time.perf_counter() - start
        times = []
        for row in queries:
            start = time.perf_counter()
            search.by_distance(row)(6)
            times.append(time.perf_counter() - start)
        print(
            f"{distance}: {np.median(times):.3f} s a query, {max(times):.3f} s at most "
            f"(wanted: < {WANTED}), once {ready:.2f} s for all queries of a call"
        )


if __name__ == "__main__":
    main()
