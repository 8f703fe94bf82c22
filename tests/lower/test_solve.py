"""The fixed point: rounds until nothing new is found."""

from __future__ import annotations

from netdsl.lower.classes.solve import MAX_ROUNDS, Solution, solve


def test_each_round_knows_what_those_before_it_found() -> None:
    solution = Solution()
    rounds: list[list[str]] = []

    def attempt() -> str:
        known = solution.specialised(test_each_round_knows_what_those_before_it_found)
        rounds.append(sorted(map(str, known)))
        for key in ("a", "b")[: len(known) + 1]:
            solution.specialise(test_each_round_knows_what_those_before_it_found, key)
        return "text"

    assert solve(solution, attempt) == "text"
    assert rounds == [[], ["a"], ["a", "b"]]


def test_what_a_failed_round_specialised_does_not_count() -> None:
    solution, rounds = Solution(), iter((None, "text"))

    def attempt() -> str | None:
        made = next(rounds)
        if made is None:
            solution.specialise(solve, "a")
        return made

    assert solve(solution, attempt) == "text"
    assert solution.specialised(solve) == []


def test_what_is_found_in_an_attempt_that_fails_is_taken_back() -> None:
    solution = Solution()
    solution.specialise(solve, "a")
    before = solution.found()
    solution.specialise(solve, "b")
    solution.forget_since(before)
    assert not solution.settle()
    assert solution.specialised(solve) == ["a"]


def test_a_list_is_known_at_once_where_it_is_passed_on_and_settled_a_round_later() -> None:
    solution = Solution()
    solution.begin()
    solution.read_as_list("sizes")
    assert solution.is_list("sizes")
    assert not solution.is_list("sizes", already=True)
    assert not solution.settle()
    solution.begin()
    assert solution.is_list("sizes", already=True)
    assert solution.settle()


def test_rounds_that_never_settle_end() -> None:
    solution, numbers = Solution(), iter(range(1000))

    def attempt() -> str:
        solution.specialise(solve, next(numbers))
        return "text"

    assert solve(solution, attempt) is None
    assert next(numbers) == MAX_ROUNDS
