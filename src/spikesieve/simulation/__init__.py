"""Simulated recordings with their truth: footprints beside a probe, trains, drift, noise and faults."""

from spikesieve.simulation.parameters import SimulationParams
from spikesieve.simulation.recording import Simulation, iter_blocks, simulate, simulate_array
from spikesieve.simulation.scene import Given
from spikesieve.simulation.truth import Truth

__all__ = ["Given", "Simulation", "SimulationParams", "Truth", "iter_blocks", "simulate", "simulate_array"]
