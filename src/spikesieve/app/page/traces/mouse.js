// @ts-check
// Wheel, drag and cursor on the traces, as in Kilosort: the wheel goes in time, Shift zooms it, Ctrl zooms contacts, Alt scales.

import { plain } from "../draw/canvas.js";
import { shown, unitOf } from "../panels/traces.js";
import { state } from "../store.js";
import { markAt } from "./marks.js";
import { moveRows, ordered, rescale, step, view, widen, widenRows } from "./view.js";

const LEFT = 46;

/** @param {HTMLCanvasElement} canvas @param {(sentence: string) => void} say */
export function startMouse(canvas, say) {
  canvas.addEventListener("wheel", turn, { passive: false });
  /** @type {{x: number, y: number} | null} */
  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    held = { x: event.offsetX, y: event.offsetY };
    canvas.setPointerCapture(event.pointerId);
    canvas.focus();
  });
  canvas.addEventListener("pointerup", () => (held = null));
  canvas.addEventListener("pointermove", (event) => {
    if (held && shown) {
      step((held.x - event.offsetX) / shown.width);
      held.x = event.offsetX;
      const rows = Math.trunc(((held.y - event.offsetY) / shown.height) * view.n);
      if (rows) {
        moveRows(rows);
        held.y = event.offsetY;
      }
      return;
    }
    const said = readAt(event.offsetX, event.offsetY);
    if (said) say(said);
  });
  canvas.addEventListener("dblclick", (event) => {
    const place = placeAt(event.offsetX, event.offsetY);
    if (place) markAt(place.sample, place.channel);
  });
}

/** @param {WheelEvent} event */
function turn(event) {
  if (!shown) return;
  event.preventDefault(); // with Ctrl the browser would zoom the page
  const turned = event.deltaY || event.deltaX, across = Math.min(1, Math.max(0, (event.offsetX - LEFT) / shown.width)), down = Math.min(1, event.offsetY / shown.height);
  if (event.ctrlKey || event.metaKey) widenRows(turned > 0 ? 1.25 : 0.8, down);
  else if (event.altKey) rescale(turned > 0 ? 0.8 : 1.25);
  else if (event.shiftKey) widen(turned > 0 ? 1.25 : 0.8, across);
  else step(turned > 0 ? 0.1 : -0.1);
}

/** @param {number} x @param {number} y */
function placeAt(x, y) {
  if (!shown || x < LEFT || x >= LEFT + shown.width || y >= shown.height) return null;
  const column = Math.floor(x - LEFT), row = Math.min(view.n - 1, Math.floor((y / shown.height) * view.n)), contact = ordered()[view.first + row];
  return { column, row, contact, channel: state.start.probe.channel[contact], sample: Math.round(view.start + ((column + 0.5) / shown.width) * view.samples) };
}

/** Time, channel and value under the cursor. @param {number} x @param {number} y */
function readAt(x, y) {
  const place = placeAt(x, y);
  if (!place || !shown) return "";
  const { gathered } = shown, at = place.row * gathered.width + place.column, [low, high] = [gathered.low[at], gathered.high[at]].map((value) => Number(value.toPrecision(3)));
  const value = Number.isFinite(low) ? `${low === high ? plain(low) : `${plain(low)} to ${plain(high)}`} ${unitOf(view.kind)}` : "nothing";
  const { y_um: depth, shank } = state.start.probe;
  return `${(place.sample / state.start.sampling_hz).toFixed(5)} s, channel ${place.channel} (shank ${shank[place.contact]}, ${plain(depth[place.contact])} µm): ${value}`;
}
