// @ts-check
// From a key to the name of a command, by the table that the server sends and the help page shows.

const NAMES = new Map([[" ", "Space"]]);

/** The name of a key with its modifiers, in the order Ctrl, Alt, Shift. @param {KeyboardEvent} event */
export function keyName(event) {
  const letter = /^Key([A-Z])$/.exec(event.code)?.[1];
  // With Alt the key may give another character (macOS, AltGr): its place counts then.
  const plain = event.altKey && letter ? letter : (NAMES.get(event.key) ?? (event.key.length === 1 ? event.key.toUpperCase() : event.key));
  const isSign = event.key.length === 1 && !/[a-z0-9 ]/i.test(event.key) && !event.altKey;
  return [event.ctrlKey || event.metaKey ? "Ctrl" : "", event.altKey ? "Alt" : "", event.shiftKey && !isSign ? "Shift" : "", plain].filter(Boolean).join("+");
}

/**
 * @param {{command: string, keys: string[]}[]} shortcuts
 * @param {Record<string, () => unknown>} commands
 */
export function startKeys(shortcuts, commands) {
  const byKey = new Map(shortcuts.flatMap(({ command, keys }) => keys.map((key) => [key, command])));
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLElement && event.target.matches("input, select, textarea");
    if (document.querySelector("dialog[open]") || (typing && event.key !== "Escape")) return;
    const command = byKey.get(keyName(event));
    if (!command || !commands[command]) return;
    event.preventDefault();
    commands[command]();
  });
}
