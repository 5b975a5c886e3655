"""Simulated recordings with ground truth: footprints beside a probe, spike trains, drift, noise and faults."""

from spikesieve.simulation.parameters import SimulationParams
from spikesieve.simulation.recording import Simulation, iter_blocks, simulate, simulate_array
from spikesieve.simulation.scene import Inputs
from spikesieve.simulation.truth import Truth

__all__ = ["Inputs", "Simulation", "SimulationParams", "Truth", "iter_blocks", "simulate", "simulate_array"]
