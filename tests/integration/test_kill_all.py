"""Controller, worker and runners at once: see killing.py. Step by step it is done for each alone."""

from killing import (
    prepared,
    production,
    test_a_switch_hit_anywhere_sets_both_links,
    test_a_sync_hit_at_random_moments_reaches_its_end,
    test_no_runner_is_left,
    test_the_clone_is_whole,
    victim,
)

VICTIM = "all"
