// @ts-check
// The page begins here.

import { getAhead } from "./ahead.js";
import { getJson, listen, logIn, nameServer, Refused } from "./api.js";
import { startAsking } from "./ask.js";
import { COMMANDS } from "./commands.js";
import { showElsewhere } from "./elsewhere.js";
import { startKeys } from "./keys.js";
import { startQueue } from "./queue.js";
import { startLayout } from "./layout/layout.js";
import { startMetrics } from "./metrics.js";
import { sortBy, startOrder } from "./order.js";
import * as panels from "./panels/all.js";
import { counted, tell, tellError } from "./says.js";
import { apply, changed, on, select, state, unitsChanged } from "./store.js";
import { startTheme } from "./theme.js";
import { showTheseMarks } from "./traces/view.js";

/** @param {any} start */
function take(start) {
  state.start = start;
  nameServer(start.id);
  state.rows = new Map(start.units.map((/** @type {any} */ row) => [row.unit, row]));
  state.seq = start.seq;
  state.canUndo = start.can_undo;
  state.canRedo = start.can_redo;
  const onlyLook = start.read_only || start.role !== "curator";
  document.title = `${start.name}${onlyLook ? " (only to look at)" : ""} – spikesieve`;
  const name = /** @type {HTMLElement} */ (document.getElementById("name"));
  name.textContent = start.name + (onlyLook ? " (only to look at)" : "");
  name.title = `${start.kind}. ${start.missing.join(" ")}`;
}

function showButtons() {
  for (const [id, on] of /** @type {[string, boolean][]} */ ([["undo", state.canUndo], ["redo", state.canRedo]]))
    /** @type {HTMLButtonElement} */ (document.getElementById(id)).disabled = !on;
}

/** Whether nothing was heard yet over the connection. */
let isNew = false;

/** Rows that the server has described since. @param {import("./store.js").Row[]} rows */
function describe(rows) {
  for (const row of rows) if (state.rows.has(row.unit)) state.rows.set(row.unit, row);
  changed("described");
}

/** @param {any} event */
async function hear(event) {
  if (event.marks) return showTheseMarks(event.marks);
  if (event.elsewhere !== undefined) showElsewhere(event.elsewhere);
  if (event.described) return describe(event.described);
  if (event.hello !== undefined && isNew) {
    isNew = false;
    // What was described between the table and this connection was told to others only.
    if ([...state.rows.values()].some((row) => !row.label)) describe((await getJson("start")).units);
  }
  const seq = event.hello ?? event.seq;
  if (event.hello === undefined && event.seq === state.seq + 1) apply(event);
  else if (seq > state.seq) {
    take(await getJson("start")); // something was missed
    unitsChanged([]);
    if (!state.best.length) select(state.order.slice(0, 1));
  }
}

/** Names the selected units, the first of them where they are many. @param {number[]} units */
function chosenText(units) {
  const [most, more] = [20, units.length - 20];
  return units.slice(0, most).join(" + ") + (more > 0 ? ` and ${counted(more, "more unit")}` : "");
}

async function start() {
  startTheme();
  await logIn();
  take(await getJson("start"));
  startAsking();
  void startMetrics();
  startOrder();
  startLayout(Object.values(panels));
  startQueue();
  startKeys(state.start.keys, COMMANDS);
  for (const name of ["undo", "redo", "history", "export_all", "theme", "help", "queue", "layout"]) document.getElementById(name)?.addEventListener("click", () => COMMANDS[name]?.());
  document.addEventListener("sort-units", (event) => sortBy(/** @type {CustomEvent} */ (event).detail ?? ""));
  on(["units", "saved"], showButtons);
  on(["selection", "order", "similar"], getAhead);
  on(["selection"], () => {
    /** @type {HTMLElement} */ (document.getElementById("chosen")).textContent = chosenText([...state.best, ...state.similar]);
  });
  changed("units", "saved");
  select(state.order.slice(0, 1));
  tell(state.start.missing.join(" "));
  listen((event) => hear(event).catch(tellError), (connected) => {
    state.connected = isNew = connected;
    /** @type {HTMLElement} */ (document.getElementById("saved")).textContent = connected ? "" : "not connected";
  });
  document.documentElement.dataset.ready = "yes";
}

start().catch((error) => {
  const notice = document.createElement("p");
  notice.className = "notice";
  notice.textContent = error instanceof Refused || error instanceof Error ? error.message : String(error);
  document.getElementById("panels")?.replaceWith(notice);
});
