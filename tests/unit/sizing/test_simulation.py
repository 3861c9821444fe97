"""What a peak needs: the formulas, the plan, and the simulation that tries plans."""

import random
from collections.abc import Generator
from typing import Any

import pytest
import simpy

from benchmarks.scale.system import Environments, Load, SimulatedStack, SimulatedTimes, StackSimulation, constant
from fraudstream_tools.costs.estimate import read_counts
from fraudstream_tools.sizing import advice, plan
from fraudstream_tools.sizing.erlang import erlang_b, servers_for
from fraudstream_tools.sizing.plan import plan_for
from fraudstream_tools.sizing.service import LARGEST_BATCH, service_times
from infra import setting_reader, settings
from infra.compute.stream_consumers import analyzer_consumer

TIMES = service_times(read_counts())


def simulated(rate: float, seconds: float, **changes: Any) -> SimulatedTimes:
    stack = SimulatedStack(TIMES, 1000, 200, 200, 100, 4)
    return StackSimulation(stack, Load(constant(rate), seconds, **changes), seed=3).run(drain_seconds=20)


def test_erlangs_formulas_give_what_his_tables_say() -> None:
    # Erlang's tables: 10 servers at 5 erlangs, and at 4.461 for one in a hundred.
    assert erlang_b(5, 10) == pytest.approx(0.018385, abs=1e-6)
    assert erlang_b(4.461, 10) == pytest.approx(0.01, abs=1e-4)
    assert servers_for(4.461, 0.0101) == 10


@pytest.mark.parametrize("load", [3.0, 5.0, 8.0])
def test_environments_refuse_the_share_that_erlang_says(load: float) -> None:
    env, rng, seconds, servers = simpy.Environment(), random.Random(5), 0.9, 6
    environments = Environments(env, servers, SimulatedTimes(), ready=servers)
    refused, asked = 0, 20_000

    def serve() -> Generator[simpy.Event]:
        nonlocal refused
        if environments.enter() is None:
            refused += 1
        else:
            # It holds however long each takes.
            yield env.timeout(rng.uniform(0, 2 * seconds))
            environments.leave()

    def arrive() -> Generator[simpy.Event]:
        for _ in range(asked):
            yield env.timeout(rng.expovariate(load / seconds))
            env.process(serve())

    env.process(arrive())
    env.run()
    assert refused / asked == pytest.approx(erlang_b(load, servers), rel=0.06)


def test_a_stack_without_settings_takes_what_its_stage_lets_through() -> None:
    found = simulated(900, 8)
    assert not found.counts["given up"]
    assert not found.counts["undecided"]
    planned = plan_for(900, TIMES)
    assert found.busiest < planned.processor_concurrency
    assert len(found.decisions) / found.batches == pytest.approx(planned.batch, rel=0.5)


def test_above_it_the_stages_throttle_refuses_first() -> None:
    counts = simulated(2000, 5).counts
    assert counts["throttled"] > 0
    assert counts["no environment"] == 0


def test_one_merchant_holds_the_lanes_up_unless_its_profile_is_spread() -> None:
    one, spread = simulated(900, 8, hot_share=0.5), simulated(900, 8, hot_share=0.5, hot_shards=16)
    assert sum(one.decisions) > 1.5 * sum(spread.decisions)


def test_what_an_outage_left_is_decided_afterwards() -> None:
    found = simulated(50, 30, outage=(5.0, 20.0))
    assert not found.counts["undecided"]
    assert max(found.decisions) > 14


def test_a_cold_stack_answers_everybody_in_the_end() -> None:
    stack = SimulatedStack(TIMES, 1000, 200, 200, 100, 4)
    found = StackSimulation(stack, Load(constant(300), 5), seed=3, warm=False).run(drain_seconds=20)
    assert found.cold_starts > 0
    assert found.counts["stored"] == found.counts["requests"]


def test_the_default_settings_are_those_for_the_stages_throttle() -> None:
    stack, peak = stack_settings_of_a_new_stack(), plan_for(advice.STAGE_THROTTLE, TIMES)
    assert peak.processor_concurrency == stack.processor.concurrency
    assert peak.analyzer_concurrency == stack.analyzer.concurrency
    assert peak.throttle_burst == stack.throttle_burst
    assert stack.reporter.concurrency == advice.REPORTER_CONCURRENCY


def test_what_the_plan_takes_for_given_is_what_the_program_declares() -> None:
    consumer = analyzer_consumer()
    assert (consumer.parallelization, consumer.batch_size) == (plan.LANES_PER_SHARD, LARGEST_BATCH)
    assert plan.MINIMUM_CONCURRENCY == setting_reader.MINIMUM_CONCURRENCY
    assert advice.STAGE_THROTTLE == settings.REQUESTS_PER_SECOND


def stack_settings_of_a_new_stack() -> settings.StackSettings:
    return settings.read_settings({}.get, "dev")
