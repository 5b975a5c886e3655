// @ts-check
// Draws a probe. No function here looks at anything but its arguments.

/**
 * @typedef {import("../draw/canvas.js").Pen} Pen
 * @typedef {import("../draw/canvas.js").Colours} Colours
 * @typedef {import("./draft.js").Contacts} Contacts
 * @typedef {{scale: number, left: number, top: number, pitch: number}} Layout Pixels per um; where x = 0, y = 0 are; distance of contacts in um.
 */

const EDGE = 14;

/** Distance of the nearest two contacts, of a sample of them. @param {Contacts} contacts */
function pitch({ x, y, shank }) {
  let best = Infinity;
  for (let i = 0; i < Math.min(64, x.length); i++)
    for (let j = 0; j < x.length; j++) if (i !== j && shank[i] === shank[j]) best = Math.min(best, Math.hypot(x[i] - x[j], y[i] - y[j]));
  return Number.isFinite(best) ? best : 20;
}

/**
 * Where a probe is on a canvas: one scale for both axes. Zoom 1 shows all of it.
 * @param {Contacts} contacts @param {Pen} pen @param {number} zoom @param {number} scrolled 0: the top, 1: the tip.
 * @returns {Layout}
 */
export function layout(contacts, { width, height }, zoom, scrolled) {
  const near = pitch(contacts), low = Math.min(...contacts.y) - near, high = Math.max(...contacts.y) + near, xLow = Math.min(...contacts.x) - near, xHigh = Math.max(...contacts.x) + near;
  const whole = Math.min((width - 2 * EDGE - 30) / (xHigh - xLow), (height - 2 * EDGE) / (high - low));
  const widest = (width - 2 * EDGE - 30) / (xHigh - xLow);
  const scale = Math.min(whole * zoom, Math.max(whole, widest), 4);
  const hidden = Math.max(0, (high - low) * scale - (height - 2 * EDGE));
  return { scale, left: (width + 30) / 2 - ((xLow + xHigh) / 2) * scale, top: EDGE + high * scale - hidden * scrolled, pitch: near };
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
