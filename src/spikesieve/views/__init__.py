"""What is shown of the units of a result: pure functions of the result and the rows of a unit's spikes.

A unit that a curator made is nothing but the rows of its spikes, so each function works for any unit at once.
"""
