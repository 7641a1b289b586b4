"""Training in the vector environment against one plain environment, in the same run.

    python benchmarks/bench_training.py [--dimension 128] [--cycles 3]

A cycle is a rollout and its PPO update (5 epochs, published networks) of the multi-head policy, on
made-up embeddings, one thread. The loop of one environment runs the same algorithm (the same
networks, losses and epochs) as most scripts do: an episode of `gymnasium.Env`, a forward pass a
step, then full-batch epochs over it, as the published trainer did. The limit beside the figure of
the cycle is its arithmetic at the rate of a large matrix product, measured in the same run.
"""

import argparse
import contextlib
import io
import time

import gymnasium
import numpy as np
import pandas as pd
import torch

from workflow_src.methods.entries import load_entry
from workflow_src.methods.multi_head import MultiHeadNetwork
from workflow_src.methods.networks import HIDDEN
from workflow_src.running.threads import use_one_thread
from workflow_src.settings.catalogue import BY_ID
from workflow_src.settings.finetuning import Episode, Finetuning, Ppo
from workflow_src.training.critic import Critic
from workflow_src.training.environment import ENVIRONMENT_ID, Traits
from workflow_src.training.finetune_policy import train
from workflow_src.training.population import group_embeddings
from workflow_src.training.ppo import clipped_policy_loss, generalised_advantages


def make_population(dimension, speakers=28, days=60, a_day=5):
    rng = np.random.default_rng(0)
    voices = rng.standard_normal((speakers, 1, 1, dimension))
    day = 0.5 * rng.standard_normal((speakers, days, 1, dimension))
    x = voices + day + 0.5 * rng.standard_normal((speakers, days, a_day, dimension))
    names = pd.Series(np.repeat([f"{s:04d}" for s in range(speakers)], days * a_day))
    first = np.datetime64("2020-05-01")
    dates = pd.Series(np.tile(np.repeat((first + np.arange(days)).astype(str), a_day), speakers))
    return group_embeddings(x.reshape(-1, dimension).astype(np.float32), names, dates)


def multiply_adds_a_step(dimension, epochs):
    """Multiply-adds of all layers for one step: forward in the rollout, twice after it, epochs."""
    first, second = 2 * dimension * HIDDEN[0], HIDDEN[0] * HIDDEN[1]
    forward = first + second
    # Backward: twice the forward, but nobody needs the gradient of the input.
    epoch = 2 * (forward + first + 2 * second)
    # Acting (policy); values and old log-probabilities (both networks); the epochs (both).
    return forward + 2 * forward + epochs * epoch


def product_rate():
    """Multiply-adds per second of a large matrix product."""
    a = torch.rand(1024, 1024)
    best = float("inf")
    for _ in range(7):
        began = time.perf_counter()
        _ = a @ a
        best = min(best, time.perf_counter() - began)
    return 1024**3 / best


def quiet(function):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return function()


def find_traits(method):
    """Return what the environment must know of a method of the catalogue."""
    row = BY_ID[method]
    normalises = load_entry(row.entry).normalises
    return Traits(sees=row.sees, reward=row.reward, gated=row.gated, normalises=normalises)


def train_method(population, method, settings, policy_seed=0):
    """Train a method of the catalogue; returns its policy and learning curve."""
    rule, traits = load_entry(BY_ID[method].entry), find_traits(method)
    return quiet(lambda: train(population, method, rule, traits, settings, 0, policy_seed))


def vector_cycles(population, ppo, cycles):
    """Steps per second of `cycles` rollouts with their updates."""
    steps = cycles * ppo.environments * ppo.rollout_steps
    settings = Finetuning(ppo=ppo.model_copy(update={"steps": steps}))
    train_method(population, "multi-head", settings)  # warm
    began = time.perf_counter()
    train_method(population, "multi-head", settings)
    return steps / (time.perf_counter() - began)


def vector_rollout(population, ppo, steps=256):
    """Steps per second of the rollout alone: policy and environment."""
    environment = gymnasium.make_vec(
        ENVIRONMENT_ID, num_envs=ppo.environments, population=population
    ).unwrapped
    policy = MultiHeadNetwork(population.dimension)
    generator = torch.Generator().manual_seed(0)
    observation, _ = environment.reset(seed=0)
    began = time.perf_counter()
    for _ in range(steps):
        update, raw = policy.sample(observation * population.scale, generator)
        observation = environment.step({"update": update, "weight": raw[:, None]})[0]
    return steps * ppo.environments / (time.perf_counter() - began)


def one_environment(population, ppo, episodes):
    """Steps per second of the loop of one environment, and of its rollouts alone."""
    torch.manual_seed(0)
    environment = gymnasium.make(ENVIRONMENT_ID, population=population, episode=Episode()).unwrapped
    policy, critic = MultiHeadNetwork(population.dimension), Critic(2 * population.dimension)
    parameters = [*policy.parameters(), *critic.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=ppo.learning_rate)
    generator = torch.Generator().manual_seed(0)
    total, acting, began = 0, 0.0, time.perf_counter()
    for episode in range(episodes):
        start = time.perf_counter()
        observation, _ = environment.reset(seed=episode)
        states, actions, raws, rewards = [], [], [], []
        terminated = truncated = False
        while not terminated and not truncated:
            state = torch.from_numpy(observation) * population.scale
            update, raw = policy.sample(state[None], generator)
            action = {"update": int(update), "weight": raw.numpy()}
            observation, reward, terminated, truncated, _ = environment.step(action)
            states.append(state)
            actions.append(update)
            raws.append(raw)
            rewards.append(reward)
        acting += time.perf_counter() - start
        seen, taken, weights = torch.stack(states), torch.cat(actions), torch.cat(raws)
        last = torch.from_numpy(observation) * population.scale
        with torch.no_grad():
            values = critic(seen)
            end = critic(last)[None] if truncated else torch.zeros(1)
            old, _ = policy.evaluate(seen, taken, weights)
            advantage = generalised_advantages(
                torch.tensor(rewards)[:, None],
                values[:, None],
                torch.cat([values[1:], end])[:, None],
                torch.zeros(len(seen), 1, dtype=torch.bool),
                ppo.discount,
                ppo.gae_lambda,
            )[:, 0]
            target = advantage + values
        for _ in range(ppo.epochs):
            log_probability, entropy = policy.evaluate(seen, taken, weights)
            policy_loss = clipped_policy_loss((log_probability - old).exp(), advantage, ppo.clip)
            value_loss = 0.5 * (critic(seen) - target).square().mean()
            loss = policy_loss + ppo.value_weight * value_loss
            loss = loss - ppo.entropy_weight * entropy.mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        total += len(seen)
    return total / (time.perf_counter() - began), total / acting


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--episodes", type=int, default=8, help="of the one environment")
    arguments = parser.parse_args()
    use_one_thread()
    population = make_population(arguments.dimension)
    ppo = Ppo(epochs=5)
    work = multiply_adds_a_step(arguments.dimension, ppo.epochs)
    rate = product_rate()
    print(
        f"one thread; a large matrix product makes {rate / 1e9:.0f} billion multiply-adds/s; a "
        f"step with its share of an update is {2 * work / 1e6:.1f} MFLOP; {ppo.environments} "
        f"environments, rollouts of {ppo.rollout_steps}, {ppo.minibatches} minibatches"
    )
    single, single_rollout = one_environment(population, ppo, arguments.episodes)
    vector = vector_cycles(population, ppo, arguments.cycles)
    rollout = vector_rollout(population, ppo)
    print(f"{'':24}{'one environment':>17}{'vector':>12}{'faster':>9}{'limit':>12}{'of it':>7}")
    limit = rate / work
    print(
        f"{'rollout and update':24}{single:13,.0f} /s{vector:11,.0f}/s{vector / single:8.1f}x"
        f"{limit:10,.0f}/s{vector / limit:7.0%}"
    )
    print(
        f"{'rollout alone':24}{single_rollout:13,.0f} /s{rollout:11,.0f}/s"
        f"{rollout / single_rollout:8.1f}x"
    )


if __name__ == "__main__":
    main()
