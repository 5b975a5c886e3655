"""The keys of the page: Phy's, with those replaced that a browser keeps for itself. The help page is this table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shortcut:
    """What a key does.

    Attributes
    ----------
    command : str
        Name of the function in the page.
    keys : tuple of str
        Keys that call it: modifiers in the order Ctrl, Alt, Shift, then the key, such as "Ctrl+Alt+G".
    text : str
        What it does.
    group : str
        Where it stands in the help.
    phy : str
        The key in Phy, where it is another one.
    """

    command: str
    keys: tuple[str, ...]
    text: str
    group: str
    phy: str = ""


SELECT, DECIDE, LABEL, LOOK, PANELS = "Select units", "Decide", "Label", "Look", "Panels"
TRACES = "Traces"

SHORTCUTS: tuple[Shortcut, ...] = (
    Shortcut("next_best", ("ArrowDown",), "next unit of the table", SELECT),
    Shortcut("previous_best", ("ArrowUp",), "previous unit of the table", SELECT),
    Shortcut("first_best", ("Home",), "first unit of the table", SELECT),
    Shortcut("last_best", ("End",), "last unit of the table", SELECT),
    Shortcut("next_similar", ("Space",), "add the next similar unit, in place of the last one", SELECT),
    Shortcut("previous_similar", ("Shift+Space",), "add the previous similar unit", SELECT),
    Shortcut("first_similar", ("Ctrl+Space",), "add the four most similar units", SELECT),
    Shortcut("only_best", ("Backspace",), "keep only the unit of the table", SELECT),
    Shortcut("reset", ("Ctrl+Alt+Space",), "begin with the first unit again", SELECT),
    Shortcut("all_shown", ("Ctrl+A",), "all units that the filter leaves, to label them together", SELECT, "none"),
    Shortcut("queue", ("Q",), "next of what is worth a look, the surest first", SELECT, "none"),
    Shortcut("queue_back", ("Shift+Q",), "the one before", SELECT, "none"),
    Shortcut("merge", ("G",), "merge the selected units", DECIDE),
    Shortcut("split", ("K",), "split off the spikes in the lasso", DECIDE),
    Shortcut("move", ("J",), "join the spikes in the lasso to another unit, the last selected one", DECIDE, "none"),
    Shortcut("discard", ("X",), "discard the spikes in the lasso", DECIDE, "none"),
    Shortcut(
        "reject",
        ("R",),
        "reject: the selected units are different neurons, or one unit is whole; do not suggest it again",
        DECIDE,
        "none",
    ),
    Shortcut("undo", ("Ctrl+Z",), "undo, as far back as you like", DECIDE),
    Shortcut("redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "do again what was undone", DECIDE),
    Shortcut("export", ("Ctrl+S",), "write Phy's files (every decision is saved anyway)", DECIDE),
    Shortcut("best_good", ("Alt+G",), "the unit of the table is good", LABEL),
    Shortcut("best_mua", ("Alt+M",), "the unit of the table is mua", LABEL),
    Shortcut("best_noise", ("Alt+N",), "the unit of the table is noise", LABEL),
    Shortcut("best_unsorted", ("Alt+U",), "take the label of the unit of the table back", LABEL),
    Shortcut("similar_good", ("Ctrl+G", "Alt+Shift+G"), "the similar units are good", LABEL),
    Shortcut("similar_mua", ("Ctrl+M", "Alt+Shift+M"), "the similar units are mua", LABEL),
    Shortcut("similar_noise", ("Alt+Shift+N",), "the similar units are noise", LABEL, "Ctrl+N"),
    Shortcut("similar_unsorted", ("Ctrl+U", "Alt+Shift+U"), "take the labels of the similar units back", LABEL),
    Shortcut("all_good", ("Ctrl+Alt+G",), "all selected units are good", LABEL),
    Shortcut("all_mua", ("Ctrl+Alt+M",), "all selected units are mua", LABEL),
    Shortcut("all_noise", ("Ctrl+Alt+N",), "all selected units are noise", LABEL),
    Shortcut("all_unsorted", ("Ctrl+Alt+U",), "take the labels of all selected units back", LABEL),
    Shortcut("label", ("L",), "give an own label: type NAME VALUE", LABEL),
    Shortcut("note", ("N",), "write a note on the selected units", LABEL, "none"),
    Shortcut("next_scatter", ("A",), "next scatter: amplitude, depth, position, two clouds", LOOK),
    Shortcut("previous_scatter", ("Shift+A",), "previous scatter", LOOK),
    Shortcut("waveform_kind", ("W",), "waveforms of single spikes from the raw file, or only means", LOOK),
    Shortcut("overlap", ("O",), "waveforms on top of each other, or side by side", LOOK),
    Shortcut("best_channels", ("C",), "features of the channels on which the units are largest", LOOK),
    Shortcut("intervals", ("I",), "intervals between spikes in linear or logarithmic time", LOOK, "none"),
    Shortcut("log_correlograms", ("Shift+I",), "correlograms over linear or logarithmic time", LOOK, "none"),
    Shortcut("waveform_larger", ("Ctrl+ArrowUp",), "larger waveforms", LOOK),
    Shortcut("waveform_smaller", ("Ctrl+ArrowDown",), "smaller waveforms", LOOK),
    Shortcut("clear", ("Escape",), "clear the lasso, then the filter; close what is open", LOOK),
    Shortcut("filter", ("/",), "type a filter; Enter leaves the field", LOOK, ":f"),
    Shortcut("snippet", (":",), "type a command", LOOK),
    Shortcut("traces", ("T",), "show the traces", TRACES, "none"),
    Shortcut("trace_left", ("Alt+ArrowLeft",), "a tenth of the window back", TRACES),
    Shortcut("trace_right", ("Alt+ArrowRight",), "a tenth of the window on", TRACES),
    Shortcut("trace_window_left", ("Alt+Shift+ArrowLeft",), "a whole window back", TRACES),
    Shortcut("trace_window_right", ("Alt+Shift+ArrowRight",), "a whole window on", TRACES),
    Shortcut("trace_first", ("Alt+Home",), "the start of the recording", TRACES),
    Shortcut("trace_last", ("Alt+End",), "its end", TRACES),
    Shortcut("trace_go_to", ("Alt+T",), "go to a time in s, h:m:s, or to a sample (#30000)", TRACES),
    Shortcut("trace_next_spike", ("Alt+PageDown",), "next spike of the selected units", TRACES),
    Shortcut("trace_previous_spike", ("Alt+PageUp",), "previous spike of the selected units", TRACES),
    Shortcut("trace_next_violation", ("Alt+V", "."), "next refractory violation of the selected units", TRACES, "none"),
    Shortcut("trace_previous_violation", ("Alt+Shift+V", ","), "previous refractory violation", TRACES, "none"),
    Shortcut(
        "trace_next_blanked", ("Alt+B",), "next part that was left out (artifact, silence, saturation)", TRACES, "none"
    ),
    Shortcut("trace_previous_blanked", ("Alt+Shift+B",), "previous part that was left out", TRACES, "none"),
    Shortcut("trace_next_border", ("Alt+X",), "next border of a file or segment", TRACES, "none"),
    Shortcut("trace_previous_border", ("Alt+Shift+X",), "previous border", TRACES, "none"),
    Shortcut("trace_larger", ("Alt+ArrowUp",), "larger traces", TRACES),
    Shortcut("trace_smaller", ("Alt+ArrowDown",), "smaller traces", TRACES),
    Shortcut("trace_narrower", ("Alt++", "Alt+=", "Alt+Shift++"), "show a shorter time", TRACES, "Alt++"),
    Shortcut("trace_wider", ("Alt+-",), "show a longer time", TRACES),
    Shortcut("trace_all_spikes", ("Alt+S",), "mark the spikes of all units, or of the selected ones", TRACES),
    Shortcut("trace_labels", ("Alt+L",), "show the numbers of channels, or not", TRACES),
    Shortcut("trace_upside_down", ("Alt+O",), "the deepest contact at the bottom, or at the top", TRACES),
    Shortcut("trace_next_kind", ("Alt+R",), "raw, high-passed, referenced, whitened, prediction, residual ...", TRACES),
    Shortcut("trace_raw", ("1",), "raw traces, as in Kilosort", TRACES, "none"),
    Shortcut("trace_whitened", ("2",), "whitened traces, as in Kilosort", TRACES, "none"),
    Shortcut("trace_predicted", ("3",), "what the units explain: templates where they fired", TRACES, "none"),
    Shortcut("trace_residual", ("4",), "what they do not explain", TRACES, "none"),
    Shortcut("trace_overlay", ("Alt+P",), "the prediction over the traces (up to 64 contacts)", TRACES, "none"),
    Shortcut("trace_order", ("Shift+R",), "order contacts by depth or by channel", TRACES, "Ctrl+R"),
    Shortcut("trace_mark", ("F",), "a mark with a note in the middle", TRACES, "none"),
    Shortcut("history", ("Shift+H",), "show what was done, and go back to any point", LOOK, "none"),
    Shortcut("theme", ("Shift+D",), "dark or light", LOOK, "none"),
    Shortcut("help", ("H", "?"), "show these keys", LOOK),
    Shortcut("layout", ("Shift+L",), "choose, open and close panels; layouts as files", PANELS, "none"),
    Shortcut("next_panel", ("F6",), "go to the next panel", PANELS, "none"),
    Shortcut("previous_panel", ("Shift+F6",), "go to the panel before", PANELS, "none"),
    Shortcut(
        "panel_alone",
        ("Z",),
        "the panel with the focus, or under the mouse, fills the window, or all are back",
        PANELS,
        "none",
    ),
    Shortcut("panel_left", ("Ctrl+Shift+ArrowLeft",), "move the panel with the focus to the left", PANELS, "none"),
    Shortcut("panel_right", ("Ctrl+Shift+ArrowRight",), "move it to the right", PANELS, "none"),
    Shortcut("panel_up", ("Ctrl+Shift+ArrowUp",), "move it up", PANELS, "none"),
    Shortcut("panel_down", ("Ctrl+Shift+ArrowDown",), "move it down", PANELS, "none"),
    Shortcut("panel_close", ("Delete",), "close it, with the focus on its tab", PANELS, "none"),
)
