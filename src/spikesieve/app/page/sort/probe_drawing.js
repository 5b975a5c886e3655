// @ts-check
// Draws a probe. No function here looks at anything but its arguments.

/**
 * @typedef {import("../draw/canvas.js").Pen} Pen
 * @typedef {import("../draw/canvas.js").Colours} Colours
 * @typedef {import("./draft.js").Contacts} Contacts
 * @typedef {{scale: number, left: number, top: number, pitch: number}} Layout Pixels per um; where x = 0, y = 0 are; distance of contacts in um.
 */

const EDGE = 14, AXIS = 30, LEAST_ROOM = 20;
/** Pixels between contacts at which their numbers can be read. */
const READABLE = 18;

/** Distance of the nearest two contacts, of a sample of them. @param {Contacts} contacts */
function pitch({ x, y, shank }) {
  let best = Infinity;
  for (let i = 0; i < Math.min(64, x.length); i++)
    for (let j = 0; j < x.length; j++) if (i !== j && shank[i] === shank[j]) best = Math.min(best, Math.hypot(x[i] - x[j], y[i] - y[j]));
  return Number.isFinite(best) ? best : 20;
}

/** The room that a probe takes in um. @param {Contacts} contacts */
function extent(contacts) {
  const near = pitch(contacts);
  return { near, low: Math.min(...contacts.y) - near, high: Math.max(...contacts.y) + near, left: Math.min(...contacts.x) - near, right: Math.max(...contacts.x) + near };
}

/** Pixels for a probe. A canvas that is smaller shows a part of it. @param {Pen} pen */
function roomOn({ width, height }) {
  return [Math.max(LEAST_ROOM, width - 2 * EDGE - AXIS), Math.max(LEAST_ROOM, height - 2 * EDGE)];
}

/** The zoom at which numbers can be read, if the whole width is seen then; 1 shows all of the probe. @param {Contacts} contacts @param {Pen} pen */
export function firstZoom(contacts, pen) {
  const { near, low, high, left, right } = extent(contacts), [wide, tall] = roomOn(pen);
  const whole = Math.min(wide / (right - left), tall / (high - low));
  return Math.max(1, Math.min(READABLE / near, wide / (right - left)) / whole);
}

/**
 * Where a probe is on a canvas: one scale for both axes.
 * @param {Contacts} contacts @param {Pen} pen @param {{zoom: number, down: number, across: number}} view From 0, the top and the left, to 1.
 * @returns {Layout}
 */
export function layout(contacts, pen, { zoom, down, across }) {
  const { near, low, high, left, right } = extent(contacts), room = roomOn(pen);
  const scale = zoom * Math.min(room[0] / (right - left), room[1] / (high - low));
  const hidden = [Math.max(0, (right - left) * scale - room[0]), Math.max(0, (high - low) * scale - room[1])];
  const begin = hidden[0] ? EDGE + AXIS - hidden[0] * across : (pen.width + AXIS - (right - left) * scale) / 2;
  return { scale, left: begin - left * scale, top: EDGE + high * scale - hidden[1] * down, pitch: near };
}

/** @param {Pen} pen @param {Contacts} contacts @param {Layout} at @param {Set<number | string>} off Channels. @param {Colours} colours */
export function drawProbe({ ctx, height }, contacts, at, off, colours) {
  const side = Math.max(2, Math.min(26, at.pitch * at.scale * 0.8)), numbered = side >= 13;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.font = `${Math.min(10, side * 0.55)}px system-ui, 'Liberation Sans', sans-serif`;
  contacts.x.forEach((x, i) => {
    const px = at.left + x * at.scale, py = at.top - contacts.y[i] * at.scale, isOff = off.has(contacts.channel[i]);
    if (py < -side || py > height + side) return;
    ctx.fillStyle = isOff ? colours.paper : colours.units[contacts.shank[i] % colours.units.length];
    ctx.strokeStyle = isOff ? colours.soft : ctx.fillStyle;
    ctx.fillRect(px - side / 2, py - side / 2, side, side);
    ctx.strokeRect(px - side / 2, py - side / 2, side, side);
    if (numbered) {
      ctx.fillStyle = isOff ? colours.soft : colours.paper;
      ctx.fillText(String(contacts.channel[i]), px, py);
    }
  });
  scaleBar(ctx, height, at, colours);
}

/** @param {CanvasRenderingContext2D} ctx @param {number} height @param {Layout} at @param {Colours} colours */
function scaleBar(ctx, height, { scale, top }, colours) {
  const step = [10, 20, 50, 100, 200, 500, 1000, 2000].find((each) => each * scale >= 34) ?? 5000;
  ctx.font = "11px system-ui, 'Liberation Sans', sans-serif";
  ctx.fillStyle = colours.soft;
  ctx.strokeStyle = colours.line;
  ctx.textAlign = "left";
  for (let y = Math.ceil((top - height) / scale / step) * step; top - y * scale > 6; y += step) {
    ctx.fillText(`${y} µm`, 3, top - y * scale);
  }
}

/** The contact at a place; -1 if there is none. @param {Contacts} contacts @param {Layout} at @param {number} px @param {number} py */
export function nearest(contacts, at, px, py) {
  const reach = Math.max(8, at.pitch * at.scale * 0.6);
  let found = -1, best = reach;
  contacts.x.forEach((x, i) => {
    const d = Math.hypot(at.left + x * at.scale - px, at.top - contacts.y[i] * at.scale - py);
    if (d < best) [found, best] = [i, d];
  });
  return found;
}
