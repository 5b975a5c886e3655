// Colours of the style sheet, asked for once a theme.

let palette = null;

// As the drawing functions want them, which look at nothing but their arguments.
function colours() {
  if (!palette) {
    const style = getComputedStyle(document.documentElement), of = (name) => style.getPropertyValue(`--${name}`).trim();
    palette = Object.fromEntries(["ink", "soft", "line", "paper", "shade", "select", "good", "mua", "noise"].map((name) => [name, of(name)]));
  }
  return palette;
}

function colour(name) {
  return colours()[name];
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  palette = null;
}

function dark() {
  return document.documentElement.dataset.theme === "dark";
}

// Colours of amplitudes, 256 of [r, g, b]: small ones near the paper, large ones far from it, in both themes.
function amplitudeColours() {
  return Array.from({ length: 256 }, (_, i) => ramp(i / 255, dark()));
}
