import pytest

from jaxgan.reporting.runs import judge


def row(event, step, **details):
    return {"event": event, "step": step, **details}


START = row("start", 0)
FLAT = row("collapse", 300, kind="flat", evidence="all one colour")


@pytest.mark.parametrize(
    ("events", "kind", "step"),
    [
        ([], "open", 400),
        ([START], "open", 400),
        ([START, row("end", 600)], "finished", 600),
        ([START, row("end", 450)], "stopped", 450),
        ([START, row("preemption", 410)], "interrupted", 410),
        ([START, row("preemption", 410), row("resume", 410)], "open", 410),
        ([START, row("non-finite", 420)], "diverged", 420),
        ([START, row("non-finite", 420), row("restore", 300)], "open", 400),
        ([START, row("end", 300), row("resume", 300)], "open", 400),  # prolonged with more steps
        ([START, row("something new", 9)], "open", 400),
    ],
)
def test_how_far_a_run_is(events, kind, step):
    state = judge(events, last_step=400, steps=600)
    assert (state.kind, state.step) == (kind, step)


def test_a_collapse_stays_until_the_recovery_of_its_kind():
    other = row("recovery", 350, kind="repeating")
    assert [one.kind for one in judge([START, FLAT, other], 400, 600).collapsed] == ["flat"]
    state = judge([START, FLAT, row("recovery", 360, kind="flat")], 400, 600)
    assert not state.collapsed
    assert (state.collapses[0].ended, state.collapses[0].ended_step) == ("recovery", 360)


def test_a_restore_ends_all_collapses():
    few = row("collapse", 320, kind="few characters")
    state = judge([START, FLAT, few, row("restore", 200, **{"from": 330})], 400, 600)
    assert [(one.kind, one.ended, one.ended_step) for one in state.collapses] == [
        ("flat", "restore", 200),
        ("few characters", "restore", 200),
    ]


def test_steps_that_are_repeated_do_not_collapse_twice():
    assert judge([START, FLAT, row("resume", 250)], 400, 600).collapses == ()
    restored = judge([START, FLAT, row("restore", 200), row("resume", 250)], 400, 600)
    assert [one.ended for one in restored.collapses] == ["restore"]
    assert len(judge([START, FLAT, row("resume", 250), FLAT], 400, 600).collapses) == 1
    assert len(judge([START, FLAT, row("resume", 300), FLAT], 400, 600).collapses) == 1


def test_a_run_that_goes_back_may_collapse_at_the_same_step_again():
    state = judge([START, FLAT, row("restore", 200), FLAT], 400, 600)
    assert [(one.step, one.ended) for one in state.collapses] == [(300, "restore"), (300, "")]
    assert len(state.collapsed) == 1
