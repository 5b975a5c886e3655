"""What SpikeInterface, bombcell and IBL would measure of a unit, by their names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class UnitMetrics:
    """One row of `metrics.csv`. Columns with a name of SpikeInterface have its definition and unit. None: not known.

    Attributes
    ----------
    unit : int
        Number of the unit, as in `units.csv`.
    num_spikes : int
        Number of spikes.
    firing_rate : float
        Spikes per second of the time that was sorted and not blanked.
    presence_ratio : float or None
        Share of minutes in which the unit fires.
    isi_violations_ratio : float or None
        Intervals shorter than 1.5 ms over those of a train without refractory period at that rate. It can exceed 1.
    isi_violations_count : int
        Intervals between successive spikes shorter than 1.5 ms.
    rp_contamination : float or None
        Share of foreign spikes by pairs at most 1 ms apart (Llobet et al.), 1 at most.
    rp_violations : int
        Pairs of spikes at most 1 ms apart.
    sliding_rp_violation : float or None
        Smallest contamination that is excluded with 90 % confidence (IBL). None: not even 35 % is.
    sync_spike_2, sync_spike_4, sync_spike_8 : float or None
        Share of spikes at whose sample at least 2, 4, 8 units fire.
    firing_range : float or None
        Range of the firing rates in bins of 5 s from the 5th to the 95th percentile, in Hz.
    amplitude_median : float or None
        Median amplitude on the best contact in uV, negative for a trough.
    amplitude_cv_median, amplitude_cv_range : float or None
        Median, and range from the 5th to the 95th percentile, of SD over mean of the amplitudes in times of 50 spikes.
    amplitude_cutoff : float or None
        Estimated share of spikes that are missing because they are too small, 0.5 at most. None: under 500 spikes.
    noise_cutoff : float or None
        By how many SD small amplitudes are more frequent than large ones.
    noise_ratio : float or None
        Frequency of small amplitudes over that of the most frequent one.
    sd_ratio : float or None
        SD of the amplitudes over the SD that noise gives them.
    snr : float or None
        Largest deflection of the template over the noise SD of that contact, as in `units.csv`.
    drift_ptp, drift_std, drift_mad : float or None
        Peak to peak, SD and median absolute deviation of the median position of a minute, on the probe, in um.
    isolation_distance : float or None
        Squared Mahalanobis distance within which there are as many spikes of neighbours as own ones.
    l_ratio : float or None
        Spikes of neighbours that are inside the unit by chance, per own spike.
    d_prime : float or None
        Distance of own spikes and those of neighbours along the best line between them, in SD.
    nn_hit_rate, nn_miss_rate : float or None
        Share of own spikes among the five nearest neighbours of own spikes, and of spikes of neighbouring units.
    silhouette : float or None
        From -1 to 1: how much nearer spikes are to the mean of their unit than to that of the nearest other unit.
    peak_to_trough_duration : float or None
        From the trough to the peak after it, in s.
    trough_half_width, peak_half_width : float or None
        Widths of the trough and of the larger peak at half their value, in s.
    repolarization_slope : float or None
        Slope from the trough to the return to 0, in uV/s.
    recovery_slope : float or None
        Slope in the 0.7 ms after the peak, in uV/s.
    num_positive_peaks, num_negative_peaks : int
        Peaks and troughs with a prominence of at least 0.3 of the largest value.
    main_to_next_extremum_duration : float or None
        From the largest extremum to the next one, in s.
    peak_before_to_trough_ratio, peak_after_to_trough_ratio : float or None
        Size of the peak before the trough, and of that after it, over the size of the trough.
    peak_before_to_peak_after_ratio : float or None
        Size of the peak before the trough over that of the peak after it.
    main_peak_to_trough_ratio : float or None
        Size of the larger peak over that of the trough.
    trough_width, peak_before_width, peak_after_width : float or None
        Widths of the trough and of both peaks at half their prominence, in s.
    waveform_baseline_flatness : float or None
        Largest deviation in the first 0.5 ms of the template over the largest of all.
    velocity_above, velocity_below : float or None
        Velocity of the spike along the probe above and below its largest contact, in um/ms.
    exp_decay : float or None
        Rate at which the amplitude decays with distance, in 1/um.
    spread : float or None
        Length of the probe on which the amplitude exceeds a fifth of the largest, in um.
    non_somatic : bool
        Whether the shape is that of an axon or dendrite, by bombcell's thresholds.
    cell_type : str or None
        regular, narrow, axonal or complex; None where the shape does not tell.
    cell_type_why : str
        What the cell type rests on.
    bombcell_label : str
        good, mua, noise or non_somatic, as bombcell's thresholds would have it.
    bombcell_why : str
        The thresholds that the unit fails, and what was not judged.
    ibl_label : float
        Share of IBL's three tests that the unit passes: 1 is good.
    ibl_why : str
        The tests that it fails.
    """

    unit: int
    num_spikes: int
    firing_rate: float
    presence_ratio: float | None
    isi_violations_ratio: float | None
    isi_violations_count: int
    rp_contamination: float | None
    rp_violations: int
    sliding_rp_violation: float | None
    sync_spike_2: float | None
    sync_spike_4: float | None
    sync_spike_8: float | None
    firing_range: float | None
    amplitude_median: float | None
    amplitude_cv_median: float | None
    amplitude_cv_range: float | None
    amplitude_cutoff: float | None
    noise_cutoff: float | None
    noise_ratio: float | None
    sd_ratio: float | None
    snr: float | None
    drift_ptp: float | None
    drift_std: float | None
    drift_mad: float | None
    isolation_distance: float | None
    l_ratio: float | None
    d_prime: float | None
    nn_hit_rate: float | None
    nn_miss_rate: float | None
    silhouette: float | None
    peak_to_trough_duration: float | None
    trough_half_width: float | None
    peak_half_width: float | None
    repolarization_slope: float | None
    recovery_slope: float | None
    num_positive_peaks: int
    num_negative_peaks: int
    main_to_next_extremum_duration: float | None
    peak_before_to_trough_ratio: float | None
    peak_after_to_trough_ratio: float | None
    peak_before_to_peak_after_ratio: float | None
    main_peak_to_trough_ratio: float | None
    trough_width: float | None
    peak_before_width: float | None
    peak_after_width: float | None
    waveform_baseline_flatness: float | None
    velocity_above: float | None
    velocity_below: float | None
    exp_decay: float | None
    spread: float | None
    non_somatic: bool = False
    cell_type: str | None = None
    cell_type_why: str = ""
    bombcell_label: str = ""
    bombcell_why: str = ""
    ibl_label: float = 0.0
    ibl_why: str = ""
