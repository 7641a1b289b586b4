"""The trainer against Stable-Baselines3's PPO on the same problem, in the same run.

    python benchmarks/bench_ppo_baselines.py [--steps 8192] [--seeds 3]
    python benchmarks/bench_ppo_baselines.py --curves docs/ppo_curves.png

The problem is multi-head-scalars-margin on made-up embeddings: six scalars are seen, the reward is
the next trial's margin. Settings are the same (networks, environments, rollouts, minibatches,
epochs, learning rate, clip, discount). Stable-Baselines3 has no Dict actions, so it acts in a Box
[preference, z]: the template is updated when the preference is above 0, with the weight
0.2 + 0.05 z, which is where the trainer starts as well. Rewards are means a step as explored in
the last quarter of the training.

Stable-Baselines3 is installed into a virtual environment of its own, .venv-benchmark, which sees
the packages of this one; the workflow needs it nowhere. --curves draws the learning curves of
five seeds of two methods instead, without it.
"""

import argparse
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import numpy as np
import torch
from bench_training import find_traits, make_population, quiet, train_method

from workflow_src.running.threads import use_one_thread
from workflow_src.settings.finetuning import Finetuning, Ppo
from workflow_src.training.environment import TemplateUpdatingEnv

VENV = Path(__file__).parent.parent / ".venv-benchmark"
BASELINES = "stable-baselines3==2.9.0"
METHOD = "multi-head-scalars-margin"
CURVES = {"multi-head": "published reward", METHOD: "margin reward"}


def enter_environment():
    """Go on in .venv-benchmark, made on demand."""
    python = VENV / "bin/python"
    if Path(sys.prefix).resolve() == VENV.resolve():
        return
    if not (VENV / "complete").exists():
        print(f"making {VENV.name} with {BASELINES}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        own = sysconfig.get_path("purelib", vars={"base": str(VENV), "platbase": str(VENV)})
        (Path(own) / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
        install = [python, "-m", "pip", "install", "--quiet", "--no-deps", BASELINES]
        subprocess.run(install, check=True)
        (VENV / "complete").touch()
    sys.stdout.flush()
    # The package of this folder, wherever the outer environment has it from.
    path = os.pathsep.join([str(VENV.parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    os.execve(python, [str(python), *sys.argv], environment)


def train_here(population, ppo, seed):
    """Return steps and mean rewards of all rollouts, and the seconds that training took."""
    began = time.perf_counter()
    _, curve = train_method(population, METHOD, Finetuning(ppo=ppo), seed)
    return curve["reward"].to_numpy(), time.perf_counter() - began


def train_there(population, ppo, seed):
    """Return the same of Stable-Baselines3."""
    import gymnasium
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback

    class Flattened(gymnasium.ActionWrapper):
        def __init__(self, environment):
            super().__init__(environment)
            self.action_space = gymnasium.spaces.Box(-20, 20, (2,), np.float32)

        def action(self, action):
            weight = ppo.initial_weight + ppo.weight_std * action[1:]
            return {"update": int(action[0] > 0), "weight": weight}

    class Rewards(BaseCallback):
        def __init__(self):
            super().__init__()
            self.each = []

        def _on_step(self):
            self.each.append(self.locals["rewards"].mean())
            return True

    from stable_baselines3.common.vec_env import DummyVecEnv

    traits = find_traits(METHOD)
    scale = TemplateUpdatingEnv(population, traits=traits).scale
    environments = DummyVecEnv(
        [lambda: Flattened(TemplateUpdatingEnv(population, traits=traits, scale=scale))]
        * ppo.environments
    )
    rewards = Rewards()
    began = time.perf_counter()
    agent = PPO(
        "MlpPolicy",
        environments,
        learning_rate=lambda left: ppo.learning_rate * left,
        n_steps=ppo.rollout_steps,
        batch_size=ppo.environments * ppo.rollout_steps // ppo.minibatches,
        n_epochs=ppo.epochs,
        gamma=ppo.discount,
        gae_lambda=ppo.gae_lambda,
        clip_range=ppo.clip,
        ent_coef=ppo.entropy_weight,
        vf_coef=ppo.value_weight,
        max_grad_norm=ppo.max_gradient_norm,
        policy_kwargs={"net_arch": [64, 64], "activation_fn": torch.nn.ReLU},
        seed=seed,
        device="cpu",
    )
    agent.learn(ppo.scalar_steps, callback=rewards)
    seconds = time.perf_counter() - began
    return np.reshape(rewards.each, (-1, ppo.rollout_steps)).mean(1), seconds


def compare(steps, seeds):
    """Print what both reach, and how fast."""
    population = make_population(32)
    ppo = Ppo(scalar_steps=steps, environments=16, rollout_steps=64, learning_rate=1e-3)
    quiet(lambda: train_here(population, ppo.model_copy(update={"scalar_steps": 1024}), 0))
    print(f"{METHOD}, {steps} steps, {seeds} seeds, one thread")
    print(f"{'':20}{'reward: first':>15}{'last':>16}{'steps/s':>10}{'reward/s gained':>17}")
    results = {}
    for name, function in (("stable-baselines3", train_there), ("this trainer", train_here)):
        runs = [function(population, ppo, seed) for seed in range(seeds)]
        results[name] = runs
        first = np.mean([rewards[0] for rewards, _ in runs])
        lasts = [rewards[-max(1, len(rewards) // 4) :].mean() for rewards, _ in runs]
        seconds = np.mean([seconds for _, seconds in runs])
        print(
            f"{name:20}{first:15.3f}{np.mean(lasts):10.3f} ±{np.std(lasts):4.3f}"
            f"{steps / seconds:10,.0f}{(np.mean(lasts) - first) / seconds:17.3f}"
        )


def draw_curves(path, steps, seeds=5):
    """Draw the mean reward a step against steps, a line a seed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    population = make_population(32)
    ppo = Ppo(steps=steps, scalar_steps=steps, environments=32, rollout_steps=64)
    settings = Finetuning(ppo=ppo)
    figure, panels = plt.subplots(1, len(CURVES), figsize=(8, 3), layout="constrained")
    for panel, (method, reward) in zip(panels, CURVES.items(), strict=True):
        curves = []
        for seed in range(seeds):
            _, curve = train_method(population, method, settings, seed)
            curves.append(curve["reward"])
            panel.plot(curve["steps"], curve["reward"], color="0.7", linewidth=0.8)
        panel.plot(curve["steps"], np.mean(curves, axis=0), color="#0072B2", label="mean")
        panel.set(title=method, xlabel="environment steps", ylabel=f"{reward} a step")
        panel.spines[["top", "right"]].set_visible(False)
    panels[-1].plot([], [], color="0.7", label="each seed")
    panels[-1].legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, help="of each run (default: 8192; curves: 65536)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--curves", type=Path, help="draw learning curves into this file instead")
    arguments = parser.parse_args()
    if arguments.curves:
        use_one_thread()
        draw_curves(arguments.curves, arguments.steps or 65536)
        return
    enter_environment()
    use_one_thread()
    compare(arguments.steps or 8192, arguments.seeds)


if __name__ == "__main__":
    main()
