"""Pretrain the multi-head policy by supervision (docs/method.md, "Training").

The training samples are simulated enrolments. The step writes policy.safetensors, policy.json and
training.csv (one row per epoch) to --out-dir. An interrupted run resumes from its checkpoint and
gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from workflow_src.common.devices import take_device
from workflow_src.common.digests import digest_code
from workflow_src.common.errors import InputError
from workflow_src.common.passed_over import noted_in
from workflow_src.common.seeds import torch_seed
from workflow_src.methods.multi_head import MultiHead, MultiHeadNetwork
from workflow_src.methods.networks import PolicyNetwork
from workflow_src.methods.storage import write_policy
from workflow_src.running.checkpoint import Checkpoint
from workflow_src.running.progress import show_progress
from workflow_src.settings.pretraining import Pretraining
from workflow_src.training.arguments import TrainingArguments
from workflow_src.training.augmentation import InputMap
from workflow_src.training.enrolments import draw_samples, fit_impostor_threshold
from workflow_src.training.initial import digest_network, read_initial
from workflow_src.training.population import Population, digest_training, load_training_population

MODULE = "workflow_src.training.pretrain_policy"
TARGET_WEIGHT = 0.1


def pretraining_loss(
    network: MultiHeadNetwork, inputs: Tensor, scores: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return cross entropy, squared error and accuracy of a batch.

    `inputs` are mapped states, float32 [B, 2 D]; `scores` are cosines, float32 [B]; `targets` is
    bool [B]. The weight head sees the update action that the logits prefer. Its goal is 0.1 for
    targets and 0.1 cos for non-targets. The cross entropy takes logits. The published code gave it
    softmax outputs, so the published losses have a floor of 0.313.
    """
    logits, weights = network(inputs)
    cross_entropy = functional.cross_entropy(logits, targets.long())
    goals = TARGET_WEIGHT * scores.where(~targets, 1.0)
    squared_error = functional.mse_loss(weights, goals)
    accuracy = ((logits[:, 1] > logits[:, 0]) == targets).float().mean()
    return cross_entropy, squared_error, accuracy


def find_impostor_threshold(population: Population, settings: Pretraining, seed: int) -> float:
    """Return the threshold for impostors of the settings, or one fitted to the population."""
    if settings.impostor_threshold is not None:
        return settings.impostor_threshold
    drawing = torch.Generator(population.embeddings.device)
    drawing.manual_seed(torch_seed(seed, "pretraining", "threshold"))
    return fit_impostor_threshold(population, settings.max_enrolment, drawing)


def pretrain(
    population: Population,
    settings: Pretraining,
    seed: int,
    policy_seed: int,
    checkpoint: Checkpoint | None = None,
    initial: PolicyNetwork | None = None,
) -> tuple[MultiHeadNetwork, pd.DataFrame]:
    """Train the multi-head policy by supervision on the device of the population.

    Training starts from a copy of `initial`, or from random weights. Return the network for raw
    states and the learning curve, one row per epoch: epoch, step (batches so far), loss,
    cross_entropy, mse, accuracy (means over the epoch), learning_rate.
    """
    if int(population.utterances.max()) < 2:
        raise InputError("pretraining: no training speaker has two utterances or more")
    device = population.embeddings.device
    threshold = find_impostor_threshold(population, settings, seed)

    def generator(*names: str | int) -> torch.Generator:
        """Return the random stream of one epoch, so a resumed run makes the same draws."""
        own = torch_seed(seed, "pretraining", policy_seed, *names)
        return torch.Generator(device).manual_seed(own)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "pretraining", policy_seed, "network"))
        network = MultiHeadNetwork(population.dimension)
    if initial is not None:
        network.load_state_dict(initial.state_dict())
    network = network.to(device)
    input_map = InputMap(settings.augmentation, population)
    if initial is not None:
        input_map.load(network)
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )
    rows: list[dict[str, Any]] = []
    state = checkpoint.load(device) if checkpoint else None
    if state:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        rows = state["rows"]
        print(f"resumed after epoch {len(rows)}")

    samples: list[tuple[Tensor, Tensor, Tensor]] = []
    epochs = range(len(rows) + 1, settings.epochs + 1)
    for epoch in show_progress(epochs, "pretraining epochs"):
        first = epoch - (epoch - 1) % settings.redraw_epochs
        if not samples or epoch == first:
            drawing = generator("samples", first)
            samples = [
                draw_samples(
                    population,
                    settings.batch_size,
                    settings.max_enrolment,
                    drawing,
                    threshold,
                )
                for _ in range(settings.batches_per_epoch)
            ]
        learning_rate = settings.learning_rate * 0.1 ** sum(
            epoch > decay for decay in settings.decay_epochs
        )
        for group in optimiser.param_groups:
            group["lr"] = learning_rate
        reflecting = generator("augmentation", epoch)
        sums = torch.zeros(3, device=device)
        for templates, tests, targets in samples:
            signs = input_map.signs(len(tests), population.dimension, reflecting)
            inputs = input_map(torch.cat([templates, tests], dim=1))
            inputs = input_map.reflect(inputs, signs)
            scores = torch.cosine_similarity(templates, tests, dim=1)
            cross_entropy, squared_error, accuracy = pretraining_loss(
                network, inputs, scores, targets
            )
            optimiser.zero_grad()
            (cross_entropy + squared_error).backward()
            optimiser.step()
            sums += torch.stack([cross_entropy, squared_error, accuracy]).detach()
        cross_entropy, squared_error, accuracy = (sums / len(samples)).tolist()
        rows.append(
            {
                "epoch": epoch,
                "step": epoch * settings.batches_per_epoch,
                "loss": cross_entropy + squared_error,
                "cross_entropy": cross_entropy,
                "mse": squared_error,
                "accuracy": accuracy,
                "learning_rate": learning_rate,
            }
        )
        if checkpoint and checkpoint.due():
            states = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
            checkpoint.save({**states, "rows": rows})
    input_map.store(network)
    return network, pd.DataFrame(rows)


@dataclass(frozen=True, kw_only=True)
class Arguments(TrainingArguments):
    """The step's arguments."""

    settings: Pretraining
    """The settings of pretraining."""


def run(args: Arguments) -> None:
    """Read the training embeddings, then pretrain and write the policy."""
    settings = args.settings
    with noted_in(args.passed_over, "policies"):
        device = take_device(args.device, args.deterministic)
        print(f"device: {device.type}", flush=True)
        population = load_training_population(
            args.embeddings, args.index, args.manifest, args.split, settings.min_seconds
        ).to(device)
        initial = None
        if args.initial:
            initial = read_initial(args.initial, MultiHead, population.dimension)
        threshold = find_impostor_threshold(population, settings, args.seed)
        settings = settings.model_copy(update={"impostor_threshold": threshold})
        print(f"impostors enter a simulated enrolment above {threshold:.3f}")
        described = settings.model_dump(exclude={"checkpoint"})
        seeds, code = (args.seed, args.policy_seed), digest_code(MODULE)
        digest = digest_training(population, described, *seeds, digest_network(initial), code)
        checkpoint = args.open_checkpoint(digest)
        network, curve = pretrain(population, settings, *seeds, checkpoint, initial)
        last = curve.iloc[-1]
        print(
            f"epoch {last['epoch']:.0f}: cross entropy {last['cross_entropy']:.4f}, "
            f"accuracy {100 * last['accuracy']:.1f} %"
        )
        description = {
            # Finetuning of multi-head starts from this policy.
            "method": "multi-head",
            **network.describe(),
            "training": "pretrained",
            "seed": args.seed,
            "policy_seed": args.policy_seed,
            "initial": "random weights" if initial is None else "given policy",
            "training_speakers": len(population.names),
            "settings": described,
        }
        write_policy(args.out_dir, network.state_dict(), description, curve)
        checkpoint.remove()
