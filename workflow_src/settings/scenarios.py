"""The published scenarios, one row for each.

Source: Qin, Li, Duan and Li, *Investigating Long-Term and Short-Term Time-Varying Speaker
Verification*, IEEE/ACM T-ASLP 32, 2024, and its published trial lists. No step imports this module.
A step gets the row of its scenario as an argument, so a new row reruns only that scenario.
"""

from workflow_src.settings.generation import Scenario

EVERY_3 = [0, 12, 27, 48, 62]
EVERY_5 = [0, 14, 25, 36, 47, 58, 69]
EVERY_10 = [0, 5, 11, 16, 22, 27, 33, 38, 44, 49, 55, 66, 77]

# Tables and figures list the scenarios in this order.
SCENARIOS: tuple[Scenario, ...] = (
    Scenario(id="random", every="random", enrolment=[0]),
    Scenario(id="1das", every=1, targets="all", enrolment=[0]),
    Scenario(id="3das", every=3, targets="all", enrolment=EVERY_3),
    Scenario(id="5das", every=5, targets="all", enrolment=EVERY_5),
    Scenario(id="10das", every=10, targets="all", enrolment=EVERY_10),
    Scenario(id="1d1s", every=1, targets="one", enrolment=[0]),
    Scenario(id="3d1s", every=3, targets="one", enrolment=EVERY_3),
    Scenario(id="5d1s", every=5, targets="one", enrolment=EVERY_5),
    Scenario(id="10d1s", every=10, targets="one", enrolment=EVERY_10),
)
BY_ID = {scenario.id: scenario for scenario in SCENARIOS}
