// @ts-check
// The mark of a label: circle, triangle or cross, the same in every figure. Labels differ in shape as well as in colour.

/** @param {CanvasRenderingContext2D} ctx @param {string} label @param {number} x @param {number} y @param {number} r */
export function mark(ctx, label, x, y, r) {
  ctx.beginPath();
  if (label === "good") ctx.arc(x, y, r, 0, 2 * Math.PI);
  else if (label === "mua") {
    ctx.moveTo(x, y - 1.15 * r);
    ctx.lineTo(x + r, y + 0.75 * r);
    ctx.lineTo(x - r, y + 0.75 * r);
    ctx.closePath();
  } else {
    ctx.moveTo(x - r, y - r);
    ctx.lineTo(x + r, y + r);
    ctx.moveTo(x + r, y - r);
    ctx.lineTo(x - r, y + r);
  }
  if (label === "noise") ctx.stroke();
  else ctx.fill();
}
