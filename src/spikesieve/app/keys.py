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
    Shortcut("queue", ("Q",), "next of what is worth a look, the surest first", SELECT, "none"),
    Shortcut("queue_back", ("Shift+Q",), "the one before", SELECT, "none"),
    Shortcut("merge", ("G",), "merge the selected units", DECIDE),
    Shortcut("split", ("K",), "split off the spikes in the lasso", DECIDE),
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
    Shortcut("intervals", ("I",), "intervals between spikes", LOOK, "none"),
    Shortcut("waveform_larger", ("Ctrl+ArrowUp",), "larger waveforms", LOOK),
    Shortcut("waveform_smaller", ("Ctrl+ArrowDown",), "smaller waveforms", LOOK),
    Shortcut("clear", ("Escape",), "clear the lasso, then the filter; close what is open", LOOK),
    Shortcut("filter", ("/",), "type a filter", LOOK, ":f"),
    Shortcut("snippet", (":",), "type a command", LOOK),
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
    Shortcut("panel_left", ("Ctrl+Shift+ArrowLeft",), "move it to the left", PANELS, "none"),
    Shortcut("panel_right", ("Ctrl+Shift+ArrowRight",), "move it to the right", PANELS, "none"),
    Shortcut("panel_up", ("Ctrl+Shift+ArrowUp",), "move it up", PANELS, "none"),
    Shortcut("panel_down", ("Ctrl+Shift+ArrowDown",), "move it down", PANELS, "none"),
    Shortcut("panel_close", ("Delete",), "close it", PANELS, "none"),
)
