"""One big run on several cores: Python threads over blocks of rows, calling the same serial kernel.

Workers read only the published copy and write only their own row, so blocks cannot disturb each other. What they add
up (day book, ledger, agents' tallies) is kept per thread and summed afterwards: all integers, so in any order the same.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from simulation import kernel, records

#: what the workers' week adds up
DAY_SUMS = ("events", "passages", "joined_by", "spent_rp", "committed_rp", "obligation_rp", "month_spent_rp", "misfortunes")
AGENT_SUMS = ("new_members", "commissions_rp", "portfolio")


def run(village: kernel.Village, first: int, last: int, threads: int) -> None:
    """Weeks `first` to `last` - 1 of a village, the workers' part on `threads` threads."""
    n = len(village.workers)
    edges = [n * k // threads for k in range(threads + 1)]
    own = [_own_books(village) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        for week in range(first, last):
            kernel.run_open(village, week)
            for books in own:
                _clear(books, village)
            done = [pool.submit(kernel.run_rows, own[k], week, edges[k], edges[k + 1]) for k in range(threads)]
            for future in done:
                future.result()
            for books in own:
                _add(village, books, int(village.weeks["ledger_month"][week]))
            kernel.run_close(village, week)


def _own_books(village: kernel.Village) -> kernel.Village:
    """The village with books of its own to write into."""
    return village._replace(
        day=records.table(records.DAY, 1),
        ledger=np.zeros_like(village.ledger),
        agents=village.agents.copy(),
        misfortunes=np.zeros_like(village.misfortunes),
        words=np.zeros_like(village.words),
    )


def _clear(books: kernel.Village, village: kernel.Village) -> None:
    books.day[:] = village.day
    for name in DAY_SUMS:
        books.day[name] = 0
    books.agents[:] = village.agents
    for name in AGENT_SUMS:
        books.agents[name] = 0


def _add(village: kernel.Village, books: kernel.Village, month: int) -> None:
    """Sum one thread's books into the village's; threads are taken in row order, so misfortunes stay in row order."""
    begin, more = int(village.day["misfortunes"][0]), int(books.day["misfortunes"][0])
    village.misfortunes[begin : begin + more] = books.misfortunes[:more]
    for name in DAY_SUMS:
        village.day[name] += books.day[name]
    for name in AGENT_SUMS:
        village.agents[name] += books.agents[name]
    if month >= 0:
        village.ledger[month] += books.ledger[month]
        books.ledger[month] = 0
