"""Finetune a policy by proximal policy optimisation (docs/method.md, "Training").

The step trains a method's policy in the vector environment. It writes policy.safetensors,
policy.json and training.csv (one row per update) to --out-dir. An interrupted run resumes from its
checkpoint and gives the same bytes. The parts of `train` in order: rollout, advantages, epochs of
minibatches, losses, log.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
import torch
from torch import Tensor, nn

from workflow_src.common.devices import take_device
from workflow_src.common.digests import digest_code, digest_entry
from workflow_src.common.errors import InputError
from workflow_src.common.passed_over import note, noted_in
from workflow_src.common.seeds import torch_seed
from workflow_src.methods.entries import load_entry
from workflow_src.methods.networks import PolicyNetwork
from workflow_src.methods.policy_rule import PolicyRule
from workflow_src.methods.storage import write_policy
from workflow_src.running.checkpoint import Checkpoint
from workflow_src.running.progress import show_progress
from workflow_src.settings.finetuning import Finetuning, ScaledEpisode
from workflow_src.training.arguments import TrainingArguments
from workflow_src.training.augmentation import InputMap
from workflow_src.training.critic import Critic
from workflow_src.training.environment import Traits
from workflow_src.training.initial import describe_initial, digest_network, read_initial
from workflow_src.training.population import Population, digest_training, load_training_population
from workflow_src.training.ppo import (
    clipped_policy_loss,
    explained_variance,
    generalised_advantages,
)
from workflow_src.training.scalars import estimate_scale, fit_thresholds
from workflow_src.training.vector_environment import TemplateUpdatingVectorEnv

MODULE = "workflow_src.training.finetune_policy"
LOSSES = ("policy_loss", "value_loss", "entropy", "approx_kl", "clipfrac")


def scale_episode(population: Population, settings: Finetuning, seed: int) -> ScaledEpisode:
    """Return the settings of episodes with all thresholds, the same for all policies."""
    return fit_thresholds(
        population, settings.episode, torch_seed(seed, "finetuning", "thresholds")
    )


def train(
    population: Population,
    method: str,
    rule: type[PolicyRule],
    traits: Traits,
    settings: Finetuning,
    seed: int,
    policy_seed: int,
    initial: PolicyNetwork | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[PolicyNetwork, pd.DataFrame]:
    """Train a policy by PPO on the device of the population.

    The thresholds of `settings.episode` must be known. The method's name is part of the names of
    random streams. Training starts from a copy of `initial`, a policy of the same rule, or from
    random weights.

    Returns
    -------
    PolicyNetwork
        The policy for raw states, or for scalars.
    DataFrame
        The learning curve, one row per update: update, steps (so far), episodes (that ended in the
        rollout), episodic_return and episodic_length (their means; empty if none ended), reward
        (mean per step), policy_loss, value_loss, entropy, approx_kl, clipfrac (means over all
        minibatches), explained_variance (of the values before the update), update_rate,
        mean_weight (drawn weights of the steps with an update), weight_std (of the Gaussian),
        learning_rate.

    Raises
    ------
    InputError
        No speaker qualifies for episodes, or there are more minibatches than steps in a rollout.
    """
    ppo = settings.ppo
    device, dimension = population.embeddings.device, population.dimension
    E, T = ppo.environments, ppo.rollout_steps
    if ppo.minibatches > E * T:
        raise InputError(
            f"finetuning.ppo: minibatches, which is {ppo.minibatches}, exceeds the {E * T} steps "
            "of a rollout (environments x rollout_steps)"
        )
    scalars = traits.sees == "scalars"
    updates = -(-(ppo.scalar_steps if scalars else ppo.steps) // (E * T))

    def stream(name: str) -> int:
        return torch_seed(seed, "finetuning", method, policy_seed, name)

    episode = scale_episode(population, settings, seed)
    scale = None
    if scalars:
        # All policies of a population have the same scale.
        drawing = torch.Generator(device).manual_seed(torch_seed(seed, "finetuning", "scale"))
        scale = estimate_scale(population, episode, drawing)
    # The CPU draws the networks, so they are the same for every device.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream("networks"))
        policy = rule.make_network(dimension=dimension, scale=scale)
        policy.start_exploring(ppo.initial_weight, ppo.weight_std)
        critic = Critic(policy.inputs, policy.hidden)
    input_map = InputMap(ppo.augmentation, population, unit=traits.normalises, scalars=scalars)
    if initial is not None:
        own_std = policy.log_std.detach().clone()
        policy.load_state_dict(initial.state_dict())
        # Pretraining does not train the spread of exploration.
        policy.log_std.data.copy_(own_std)
    policy, critic = policy.to(device), critic.to(device)
    if initial is not None:
        input_map.load(policy)
    parameters = [*policy.parameters(), *critic.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=ppo.learning_rate, fused=True)

    environment = TemplateUpdatingVectorEnv(E, population, episode, traits, scale)
    left_out = environment.sampler.left_out
    note(
        f"training speakers without episodes, who have at most {episode.min_utterances} "
        "utterances or one day",
        len(left_out),
        *left_out[:1],
    )
    acting = torch.Generator(device).manual_seed(stream("actions"))
    shuffling = torch.Generator(device).manual_seed(stream("minibatches"))
    reflecting = torch.Generator(device).manual_seed(stream("augmentation"))
    observation, _ = environment.reset(seed=stream("environment"))
    returns = torch.zeros(E, device=device)
    lengths = torch.zeros(E, device=device)
    # A value is offset + spread * critic. The first rollout sets offset and spread. Without them,
    # the critic would first have to learn outputs of about 100.
    offset, spread = 0.0, 1.0
    rows: list[dict[str, Any]] = []

    state = checkpoint.load(device) if checkpoint else None
    if state:
        policy.load_state_dict(state["policy"])
        critic.load_state_dict(state["critic"])
        optimiser.load_state_dict(state["optimiser"])
        observation = environment.set_state(state["environment"])
        for generator, saved in zip((acting, shuffling, reflecting), state["random"], strict=True):
            generator.set_state(saved.cpu())
        returns, lengths, rows = state["returns"], state["lengths"], state["rows"]
        offset, spread = state["offset"], state["spread"]
        print(f"resumed after update {len(rows)} of {updates}")

    # The critic sees `states`, the policy sees `reflected`. The critic is used in training only, so
    # it can memorise the training speakers and needs no reflections.
    states = torch.empty(T, E, policy.inputs, device=device)
    reflected = torch.empty_like(states)
    raws = torch.empty(T, E, device=device)
    effective = torch.empty(T, E, dtype=torch.bool, device=device)
    rewards = torch.empty(T, E, device=device)
    done = torch.empty(T, E, dtype=torch.bool, device=device)
    terminations = torch.empty(T, E, dtype=torch.bool, device=device)

    resumed, began = len(rows), time.monotonic()
    for update in show_progress(range(resumed + 1, updates + 1), f"{method} updates"):
        learning_rate = ppo.learning_rate
        if ppo.anneal_learning_rate:
            learning_rate *= 1 - (update - 1) / updates
        for group in optimiser.param_groups:
            group["lr"] = learning_rate

        # Rollout. Each environment keeps one reflection for the whole rollout.
        signs = input_map.signs(E, dimension, reflecting)
        truncated_at: list[tuple[int, Tensor, Tensor]] = []
        finished: list[tuple[Tensor, Tensor]] = []
        for t in range(T):
            states[t] = input_map(observation)
            reflected[t] = input_map.reflect(states[t], signs)
            take, raws[t] = policy.sample(reflected[t], acting)
            action = {"update": take, "weight": policy.applied_weight(raws[t])[:, None]}
            observation, rewards[t], terminated, truncated, infos = environment.step(action)
            effective[t], terminations[t] = infos["updated"], terminated
            done[t] = terminated | truncated
            returns, lengths = returns + rewards[t], lengths + 1
            if "final_obs" in infos:
                ended = done[t]
                finished.append((returns[ended], lengths[ended]))
                returns, lengths = returns.where(~ended, 0), lengths.where(~ended, 0)
                limit = truncated.nonzero().squeeze(1)
                truncated_at.append((t, limit, input_map(infos["final_obs"][limit])))

        # Advantages. The row after the last step of an episode belongs to the next episode. So the
        # value after a last step is 0 if the episode terminated, and the value of the final state
        # if the time limit truncated it.
        if update == 1:
            # The offset is the return of endless mean rewards. The spread is the deviation of the
            # return if rewards are independent.
            horizon = 1 - min(ppo.discount, 1 - 1 / settings.episode.max_steps)
            offset = float(rewards.mean()) / horizon
            spread = max(float(rewards.std(unbiased=False)), 1e-3) / horizon**0.5
        with torch.no_grad():
            values = offset + spread * critic(states)
            last_values = offset + spread * critic(input_map(observation))
            next_values = torch.cat([values[1:], last_values[None]])
            next_values[terminations] = 0
            for t, limit, final in truncated_at:
                next_values[t, limit] = offset + spread * critic(final)
            advantages = generalised_advantages(
                rewards, values, next_values, done, ppo.discount, ppo.gae_lambda
            )
            targets = advantages + values
            taken = [x.flatten(0, 1) for x in (reflected, effective, raws)]
            old_log_probability, _ = policy.evaluate(*taken)
            judged = [x.flatten(0, 1) for x in (states, (targets - offset) / spread, advantages)]
        batch = [*taken, *judged, old_log_probability]

        # Epochs of minibatches.
        sums = torch.zeros(len(LOSSES), device=device)
        for _ in range(ppo.epochs):
            order = torch.randperm(E * T, generator=shuffling, device=device)
            for rows_of_part in order.chunk(ppo.minibatches):
                part = batch
                if ppo.minibatches > 1:  # index_select is four times as fast as x[rows_of_part]
                    part = [x.index_select(0, rows_of_part) for x in batch]
                seen, updated, raw, plain, target, advantage, old = part
                log_probability, entropy = policy.evaluate(seen, updated, raw)
                log_ratio = log_probability - old
                ratio = log_ratio.exp()
                if ppo.normalise_advantages:
                    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
                policy_loss = clipped_policy_loss(ratio, advantage, ppo.clip)
                value_loss = 0.5 * (critic(plain) - target).square().mean()
                entropy = entropy.mean()
                loss = policy_loss + ppo.value_weight * value_loss - ppo.entropy_weight * entropy
                optimiser.zero_grad()
                loss.backward()
                if ppo.max_gradient_norm is not None:
                    for network in (policy, critic):
                        nn.utils.clip_grad_norm_(network.parameters(), ppo.max_gradient_norm)
                optimiser.step()
                with torch.no_grad():
                    # Schulman's low-variance estimate, http://joschu.net/blog/kl-approx.html
                    approx_kl = (ratio - 1 - log_ratio).mean()
                    clipfrac = ((ratio - 1).abs() > ppo.clip).float().mean()
                    sums += torch.stack([policy_loss, value_loss, entropy, approx_kl, clipfrac])

        # Log.
        weights = policy.applied_weight(raws)
        means = (sums / (ppo.epochs * len(order.chunk(ppo.minibatches)))).tolist()
        episodes = [torch.cat(part) for part in zip(*finished, strict=True)]
        episodic: list[float | None] = [float(part.mean()) for part in episodes] or [None, None]
        rows.append(
            {
                "update": update,
                "steps": update * E * T,
                "episodes": len(episodes[0]) if episodes else 0,
                "episodic_return": episodic[0],
                "episodic_length": episodic[1],
                "reward": float(rewards.mean()),
                **dict(zip(LOSSES, means, strict=True)),
                "explained_variance": float(explained_variance(values, targets)),
                "update_rate": float(effective.float().mean()),
                "mean_weight": float(weights[effective].mean()) if effective.any() else None,
                "weight_std": float(policy.log_std.detach().exp()),
                "learning_rate": learning_rate,
            }
        )
        if checkpoint and checkpoint.due():
            checkpoint.save(
                {
                    "policy": policy.state_dict(),
                    "critic": critic.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "environment": environment.get_state(),
                    "random": [g.get_state() for g in (acting, shuffling, reflecting)],
                    "returns": returns,
                    "lengths": lengths,
                    "offset": offset,
                    "spread": spread,
                    "rows": rows,
                }
            )
    seconds = time.monotonic() - began
    if seconds > 0:
        print(f"{(updates - resumed) * E * T / seconds:,.0f} steps/s, {seconds:.1f} s")
    input_map.store(policy)
    return policy, pd.DataFrame(rows)


@dataclass(frozen=True, kw_only=True)
class Arguments(TrainingArguments):
    """The step's arguments."""

    method: str
    """The method's name, for policy.json."""
    entry: str
    """The class of its update rule, module:Class."""
    sees: Literal["embeddings", "scalars"] = "embeddings"
    """The input of the policy."""
    reward: Literal["published", "margin"] = "published"
    """The reward: the published one, or the margin of the next trial."""
    gated: bool = False
    """Whether a threshold alone decides on updates."""
    settings: Finetuning
    """The settings of finetuning."""


def run(args: Arguments) -> None:
    """Read the training embeddings, then train and write the policy."""
    rule = load_entry(args.entry)
    if not issubclass(rule, PolicyRule):
        raise InputError(f"{args.entry}: is no rule with a policy that PPO could train")
    traits = Traits(
        sees=args.sees, reward=args.reward, gated=args.gated, normalises=rule.normalises
    )
    settings = args.settings
    with noted_in(args.passed_over, "policies"):
        device = take_device(args.device, args.deterministic)
        print(f"device: {device.type}", flush=True)
        population = load_training_population(
            args.embeddings, args.index, args.manifest, args.split, settings.episode.min_seconds
        ).to(device)
        initial = read_initial(args.initial, rule, population.dimension) if args.initial else None
        episode = scale_episode(population, settings, args.seed)
        settings = settings.model_copy(update={"episode": episode})
        print(
            f"trials are accepted above {episode.error_threshold:.3f}; where a threshold decides "
            f"on updates, it is {episode.update_threshold:.3f}"
        )
        described = settings.read_by(args.sees, args.gated)
        given = [described, args.method, vars(traits), args.seed, args.policy_seed]
        code = digest_code(MODULE), digest_entry(args.entry)
        digest = digest_training(population, *given, digest_network(initial), *code)
        checkpoint = args.open_checkpoint(digest)
        seeds = args.seed, args.policy_seed
        policy, curve = train(
            population, args.method, rule, traits, settings, *seeds, initial, checkpoint
        )
        last = curve.iloc[-1]
        print(
            f"after {last['steps']:.0f} steps: reward {last['reward']:.3f}, update rate "
            f"{last['update_rate']:.3f}, mean weight {last['mean_weight']:.3f}"
        )
        description = {
            "method": args.method,
            **policy.describe(),
            "training": "finetuned",
            "seed": args.seed,
            "policy_seed": args.policy_seed,
            "initial": describe_initial(args.initial),
            "training_speakers": len(population.names),
            "steps": int(last["steps"]),
            "settings": described,
        }
        write_policy(args.out_dir, policy.state_dict(), description, curve)
        checkpoint.remove()
