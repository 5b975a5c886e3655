// The numbers of the page: one JSON text whose arrays are in base64 and decoded when they are first used.

const data = JSON.parse(document.getElementById("numbers").textContent);
const units = data.units; // one list a column of the unit table
const nUnits = units.unit.length;
// Scripts count units by their row in the table; people see their numbers.
const rowOfNumber = new Map(units.unit.map((number, row) => [number, row]));
const TYPES = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, int16: Int16Array, float32: Float32Array };
const MISSING = 65535; // code of a value that is not a number
const decoded = new Map();

function array(name) {
  if (!decoded.has(name)) {
    const { dtype, shape, base64 } = data.arrays[name];
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    decoded.set(name, { shape, values: new TYPES[dtype](bytes.buffer) });
  }
  return decoded.get(name);
}

// One row of an array of two or more dimensions, flat.
function rowOf(name, index) {
  const { shape, values } = array(name);
  const width = shape.slice(1).reduce((a, b) => a * b, 1);
  return values.subarray(index * width, (index + 1) * width);
}

// A code 0..65534 as the number it stands for between low and high.
function decode(code, [low, high]) {
  return code === MISSING ? NaN : low + ((high - low) * code) / (MISSING - 1);
}

// The template of a unit: its contacts, nearest first, and a trace in uV for each.
function templateOf(unit) {
  const [, nNear, nSamples] = array("template_uv").shape;
  const codes = rowOf("template_uv", unit);
  const scale = data.template_peak_uv[unit] / 32767;
  const contacts = Array.from(rowOf("template_contacts", unit)).filter((contact) => contact >= 0);
  const traces = contacts.map((_, i) => Array.from(codes.subarray(i * nSamples, (i + 1) * nSamples), (code) => code * scale));
  return { contacts, traces, nNear, nSamples };
}

// The shown spikes of a unit: [seconds, amplitude in uV] each.
function amplitudesOf(unit) {
  const offsets = data.amplitude_offsets;
  const range = data.amplitude_ranges_uv[unit];
  const times = array("amplitude_time").values, amplitudes = array("amplitude_uv").values;
  const points = [];
  for (let i = offsets[unit]; i < offsets[unit + 1]; i++) points.push([decode(times[i], data.span_s), decode(amplitudes[i], range)]);
  return points;
}
