"""Panels in a real browser: each shows what it should, and they are moved, closed, added and kept."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from app_page import ActionChains, Keys, Page, open_browser
from app_server import Running, kept_in_memory
from make_metrics import metrics_row
from make_motion import make_motion
from make_sorting import make_sorting

from spikesieve.api.result_to_show import of_sorting
from spikesieve.app.session import Session
from spikesieve.model import Sorting

SAYS = "return document.querySelector('#{} .says').textContent.{}"


def sorting_to_show() -> Sorting:
    sorting = make_sorting(8, 3000)
    return replace(sorting, motion=make_motion(), metrics=tuple(metrics_row(unit.unit) for unit in sorting.units))


SORTING = sorting_to_show()


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("profile"), downloads) as browser:
        yield browser


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with kept_in_memory(of_sorting(SORTING, "made-up")) as running:
        yield running


@pytest.fixture
def page(driver: Any, running: Running) -> Page:
    page = Page(driver, running)
    page.js("localStorage.clear()")
    page = Page(driver, running)
    page.choose("0")
    return page


def reveal(page: Page, panel: str) -> None:
    page.js(f"import('./layout/layout.js').then((layout) => layout.reveal('{panel}'))")
    page.wait(f"return document.getElementById('{panel}')?.dataset.shown !== undefined")


def open_panels(page: Page) -> list[str]:
    return list(page.js("return [...document.querySelectorAll('#panels section')].map((one) => one.id)"))


def drag(page: Page, selector: str, *points: tuple[float, float]) -> None:
    """Drag over an element; points are shares of its width and height."""
    element = page.driver.find_element("css selector", selector)
    width, height = element.size["width"], element.size["height"]
    chain = ActionChains(page.driver, duration=0)
    for k, (x, y) in enumerate(points):
        chain.move_to_element_with_offset(element, int((x - 0.5) * width), int((y - 0.5) * height))
        if k == 0:
            chain.click_and_hold()
    chain.release().perform()


def counts_in_lasso(page: Page) -> tuple[int, int]:
    page.wait("return document.getElementById('message').textContent.startsWith('In the lasso')")
    said = page.js("return document.getElementById('message').textContent")
    inside, every = (int(word.replace(",", "")) for word in said.split(": ")[1].split()[:3:2])
    return inside, every


def test_a_panel_is_moved_closed_added_and_kept(page: Page, driver: Any, running: Running) -> None:
    before = open_panels(page)
    page.js("document.querySelector('[data-panel=rate]').focus()")
    page.press("Ctrl+Shift+Left")
    page.wait("return document.activeElement.dataset.panel === 'rate'")
    left = "return document.getElementById(arguments[0]).getBoundingClientRect().left"
    assert page.js(left, "rate") < page.js(left, "correlograms")
    page.press("Delete")
    assert "rate" not in open_panels(page)
    again = Page(driver, running)
    assert set(open_panels(again)) == set(before) - {"rate"}
    again.press("Shift+l")
    again.wait("return document.querySelector('dialog').open")
    again.js(
        "const place = document.getElementById('place-of-rate'); place.value = 'waveforms';"
        "place.dispatchEvent(new Event('change'))"
    )
    assert "rate" in open_panels(again)
    assert "waveforms" not in open_panels(again)
    again.press("Escape")
    again.js("document.querySelector('[data-panel=waveforms]').click()")
    assert "waveforms" in open_panels(again)
    again.no_errors()


def test_what_is_kept_for_ever_is_asked_for_by_the_name_of_the_server(page: Page, running: Running) -> None:
    """Another result may be shown at the same port tomorrow."""
    asked = page.js("return performance.getEntriesByType('resource').map((one) => one.name)")
    kept = [name for name in asked if "/api/unit/" in name or "/api/correlograms" in name or "/api/scatter?" in name]
    assert len(kept) > 2
    assert all(f"r={running.served.session.id}" in name for name in kept)
    assert running.served.session.id != Session(running.served.session.result, running.served.session.history).id


def test_any_chain_of_changes_leaves_a_sound_layout(page: Page) -> None:
    """Each panel is in one place, shares add up to one, no split is in one of its own direction, and it can be read."""
    code = """
    const [seed, done] = arguments;
    import('./layout/tree.js').then((t) => {
      let state = seed, tree = t.group('a');
      const random = (n) => (state = (state * 48271) % 2147483647) % n;
      const names = [...'abcdefg'], sides = ['left', 'right', 'top', 'bottom', 'centre'], faults = [];
      const sound = (node, above) => {
        if (node.tabs) return node.tabs.includes(node.shown);
        const sum = node.sizes.reduce((a, b) => a + b, 0);
        return node.split !== above && node.parts.length > 1 && node.sizes.length === node.parts.length
          && Math.abs(sum - 1) < 1e-9 && node.sizes.every((s) => s > 0)
          && node.parts.every((p) => sound(p, node.split));
      };
      for (let k = 0; k < 400; k++) {
        const held = t.panelsOf(tree), name = names[random(7)], target = held[random(held.length)];
        const what = random(4), before = JSON.stringify(tree), given = tree;
        if (what === 0) tree = t.without(tree, name) ?? tree;
        else if (what === 1 && tree.parts)
          tree = t.resized(tree, [], random(tree.parts.length - 1), (random(200) - 100) / 100);
        else if (what === 2 && held.includes(name)) tree = t.shownIn(tree, name);
        else tree = t.placed(tree, name, target, sides[random(5)]);
        const all = t.panelsOf(tree), again = t.parsed(JSON.parse(JSON.stringify(tree)), names);
        if (JSON.stringify(given) !== before) faults.push(`${k} changed its argument`);
        if (new Set(all).size !== all.length || !sound(tree, '')) faults.push(`${k} ${JSON.stringify(tree)}`);
        if (String(t.panelsOf(again)) !== String(all)) faults.push(`${k} is read otherwise`);
        if (what === 3 && !all.includes(name)) faults.push(`${k} lost ${name}`);
      }
      done(faults);
    });
    """
    for seed in (1, 2, 3):
        assert page.driver.execute_async_script(code, seed) == []


def test_a_panel_is_dragged_to_a_side_and_behind_a_tab(page: Page) -> None:
    def drop(panel: str, target: str, x: float, y: float) -> None:
        tab = page.driver.find_element("css selector", f"[data-panel={panel}]")
        section = page.driver.find_element("id", target)
        size = section.size
        chain = ActionChains(page.driver, duration=0).click_and_hold(tab).move_by_offset(10, 10)
        offset = int((x - 0.5) * size["width"]), int((y - 0.5) * size["height"])
        chain.move_to_element_with_offset(section, *offset).release().perform()

    drop("similar", "waveforms", 0.95, 0.5)
    box = "const r = document.getElementById(arguments[0]).getBoundingClientRect(); return [r.left, r.right]"
    assert page.js(box, "similar")[0] >= page.js(box, "waveforms")[1]
    drop("similar", "units", 0.5, 0.5)
    assert {"similar", "units"} & set(open_panels(page)) == {"similar"}
    page.no_errors()


def test_borders_are_moved_by_keys_and_mouse(page: Page) -> None:
    wide = "return document.getElementById('units').getBoundingClientRect().width"
    before = page.js(wide)
    page.js("document.querySelector('[data-border=\"0\"]').focus()")
    page.press("Right", "Right")
    after = page.js(wide)
    assert after > before + 20
    assert page.js("return document.activeElement.dataset.border") == "0"
    page.js("document.querySelector('[data-border=\"0.0\"]').focus()")
    page.press("Down")
    assert page.chosen == "0", "arrows on a border move no selection"
    drag(page, "[data-border='0']", (0.5, 0.5), (20.0, 0.5))
    assert page.js(wide) > after + 50
    page.no_errors()


def test_the_layout_is_saved_and_opened_as_a_file(page: Page, downloads: Path) -> None:
    page.press("z")  # nothing has the focus, and the mouse is nowhere
    page.press("F6", "z")
    page.wait("return document.querySelectorAll('#panels section').length === 1")
    page.press("z")
    page.press("Shift+l")
    page.js("[...document.querySelectorAll('dialog button')].find((b) => b.textContent === 'Overview').click()")
    assert "drift" in open_panels(page)
    page.js("[...document.querySelectorAll('dialog button')].find((b) => b.textContent.startsWith('Save')).click()")
    path, end = downloads / "spikesieve-layout.json", time.monotonic() + 20
    while not path.is_file() and time.monotonic() < end:
        time.sleep(0.05)
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["format"] == "spikesieve layout"
    kept["tree"] = {
        "split": "row",
        "sizes": [1, "x"],
        "parts": [{"tabs": ["units", "units", "no such panel"]}, {"tabs": ["rate"]}],
    }
    path.write_text(json.dumps(kept), encoding="utf-8")
    page.driver.find_element("css selector", "dialog input[type=file]").send_keys(str(path))
    page.wait("return document.querySelectorAll('#panels section').length === 2")
    assert open_panels(page) == ["units", "rate"]
    path.write_text("{}", encoding="utf-8")
    page.driver.find_element("css selector", "dialog input[type=file]").send_keys(str(path))
    page.wait("return document.getElementById('message').textContent.includes('is no layout')")
    assert open_panels(page) == ["units", "rate"]
    page.no_errors()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_panel_can_be_reached_by_keys_and_has_a_name(page: Page, theme: str) -> None:
    if page.js("return document.documentElement.dataset.theme") != theme:
        page.press("Shift+d")
    seen = []
    for _ in open_panels(page):
        page.press("F6")
        seen.append(page.js("return document.activeElement.closest('section').id"))
        style = "const s = getComputedStyle(document.activeElement); return s.outlineStyle + s.outlineWidth"
        assert page.js(style) == "solid2px"
    assert seen == open_panels(page)
    nameless = page.js(
        "const all = 'button, select, input, section, [role=img], [role=grid], [role=separator]';"
        "return [...document.querySelectorAll(all)]"
        ".filter((one) => !one.closest('dialog') && !one.getAttribute('aria-label') && !one.textContent.trim()"
        " && !one.labels?.length).map((one) => one.outerHTML)"
    )
    assert nameless == []


def test_features_of_chosen_channels_and_a_split_in_them(page: Page, running: Running) -> None:
    reveal(page, "features")
    page.wait(SAYS.format("features", "startsWith('all spikes')"))
    label = "return document.querySelector('#features canvas').getAttribute('aria-label')"
    first = page.js(label)
    boxes = (
        "return import('./panels/waveforms.js').then((panel) => panel.plots.map(({box, where}) =>"
        " [where.contact, box.left, box.top, box.right, box.bottom]))"
    )
    contact, left, top, right, bottom = page.js(boxes)[-1]
    canvas = page.driver.find_element("css selector", "#waveforms .lasso")
    size = canvas.size
    chain = ActionChains(page.driver, duration=0).key_down(Keys.CONTROL)
    middle = (left + right) / 2 - size["width"] / 2, (top + bottom) / 2 - size["height"] / 2
    chain.move_to_element_with_offset(canvas, *map(int, middle)).click().key_up(Keys.CONTROL).perform()
    channel = int(SORTING.probe.channels[contact])
    page.wait(f"{label}.includes('ch {channel} PC1')")
    page.press("c")
    page.wait(f"{label} === {json.dumps(first)}")
    drag(page, "#features .lasso", (0.11, 0.02), (0.3, 0.02), (0.3, 0.45), (0.11, 0.45))
    inside, every = counts_in_lasso(page)
    assert every == len(running.served.session.units.rows[0])
    assert 0 < inside < every
    page.press("k")
    page.saved("split 0")
    page.press("Ctrl+z")
    page.saved("undo")
    page.no_errors()


def test_a_line_across_waveforms_takes_large_spikes_out(page: Page, running: Running) -> None:
    plot = page.js(
        "return import('./panels/waveforms.js').then((panel) => panel.plots.map(({box, frame, where}) =>"
        " ({box, frame, contact: where.contact})))"
    )
    best = SORTING.units[0].chan_best
    own = next(one for one in plot if one["contact"] == best)
    session = running.served.session
    trough_uv = float(session.facts(0).waveform.uv[best].min())
    box, frame = own["box"], own["frame"]
    x = box["left"] + (0 - frame["x"][0]) / (frame["x"][1] - frame["x"][0]) * (box["right"] - box["left"])
    zero, per_uv = (box["top"] + box["bottom"]) / 2, (box["bottom"] - box["top"]) / (frame["y"][1] - frame["y"][0])
    height = page.driver.find_element("css selector", "#waveforms .lasso").size
    # From the tip of the mean downwards: what is larger than the mean. It begins on the contact's own place.
    points = [(x, zero), (x + 3, zero - trough_uv * per_uv), (x, zero - 1.8 * trough_uv * per_uv)]
    drag(page, "#waveforms .lasso", *[(px / height["width"], py / height["height"]) for px, py in points[1:]])
    inside, every = counts_in_lasso(page)
    assert 0.1 * every < inside < 0.9 * every
    page.press("Escape")
    page.no_errors()


def test_the_probe_chooses_and_filters(page: Page) -> None:
    reveal(page, "probe")
    hits = page.js("return import('./panels/probe.js').then((panel) => panel.places)")
    one = next(
        hit for hit in hits if all(abs(hit["x"] - o["x"]) + abs(hit["y"] - o["y"]) > 25 for o in hits if o is not hit)
    )
    canvas = page.driver.find_element("css selector", "#probe canvas")
    size = canvas.size
    at = int(one["x"] - size["width"] / 2), int(one["y"] - size["height"] / 2)
    ActionChains(page.driver, duration=0).move_to_element_with_offset(canvas, *at).click().perform()
    page.wait(f"return document.getElementById('chosen').textContent === '{one['unit']}'")
    low, high = (one["y"] - 14) / size["height"], (one["y"] + 14) / size["height"]
    left, right = (one["x"] - 14) / size["width"], (one["x"] + 14) / size["width"]
    drag(page, "#probe canvas", (left, low), (right, high))
    page.wait("return /x_um=.* y_um=/.test(document.getElementById('filter').value)")
    assert set(page.table()) == {one["unit"]}
    page.press("Escape")
    page.wait("return document.getElementById('filter').value === ''")
    page.js("document.getElementById('filter').blur()")
    page.no_errors()


def test_drift_intervals_and_correlograms_over_logarithmic_time(page: Page) -> None:
    reveal(page, "drift")
    page.wait(SAYS.format("drift", "startsWith('lines: the displacement')"))
    before = page.js("return document.querySelector('#drift canvas').toDataURL()")
    page.js(
        "const c = document.querySelector('#drift select'); c.value = 'tissue'; c.dispatchEvent(new Event('change'))"
    )
    page.wait(f"return document.querySelector('#drift canvas').toDataURL() !== {json.dumps(before)}")
    page.press("i")
    page.wait(SAYS.format("intervals", "includes('100 s')"))
    page.press("Shift+i")
    page.wait(SAYS.format("correlograms", "includes('pairs per ms')"))
    page.no_errors()


def test_metrics_say_intervals_and_reasons(page: Page) -> None:
    reveal(page, "metrics")
    page.wait("return document.querySelector('#metrics td') !== null")
    text = page.js("return document.querySelector('#metrics table').textContent")
    assert SORTING.units[0].why in text
    assert "(95 %: " in text
    assert "text cell_type_why" in text


def test_columns_and_colours_of_any_metric(page: Page) -> None:
    page.js("[...document.querySelectorAll('#units button')].find((one) => one.textContent === 'Columns').click()")
    page.wait("return document.querySelector('dialog input[name=silhouette]') !== null")
    page.driver.find_element("css selector", "dialog input[name=silhouette]").click()
    page.press("Escape")
    page.wait("return document.querySelector('#units [data-column=silhouette]') !== null")
    cell = "return document.querySelector('#units .row[data-unit=\"3\"]').lastElementChild"
    assert page.js(f"{cell}.textContent") == "3"
    page.js(
        "const c = document.querySelector('#units select'); c.value = 'silhouette';c.dispatchEvent(new Event('change'))"
    )
    page.wait(f"{cell}.style.boxShadow !== ''")
    page.press("/")
    page.wait("return document.activeElement.id === 'filter'")
    page.driver.switch_to.active_element.send_keys("silhouette>4")
    page.wait("return document.getElementById('filter-says').textContent.startsWith('3 of 8')")
    page.press("Escape")
    page.js("document.querySelector('#units [data-column=silhouette]').click()")
    assert next(iter(page.table())) == 7
    page.no_errors()


def type_command(page: Page, text: str) -> None:
    page.press(":")
    page.press(*text, "Enter")


def test_one_panel_alone_fills_the_window(page: Page) -> None:
    page.js(
        "import('./layout/layout.js').then(async (m) => m.arrange((await import('./layout/tree.js')).group('rate')))"
    )
    page.wait("return document.querySelectorAll('#panels section').length === 1")
    widths = page.js("return ['#panels', '#rate'].map((one) => document.querySelector(one).clientWidth)")
    assert widths[0] == widths[1]


def test_units_are_points_of_any_two_columns_and_a_click_chooses_one(page: Page) -> None:
    type_command(page, ":csx snr")
    type_command(page, ":csy depth")
    page.wait("return document.getElementById('unit_scatter')?.dataset.shown === '0'")
    places = page.driver.execute_async_script(
        "import('./panels/unit_scatter.js').then((m) => arguments[0](m.places.map(({ unit, x, y }) => [unit, x, y])))"
    )
    assert {unit for unit, _, _ in places} == {unit.unit for unit in SORTING.units}
    by_depth = sorted(places, key=lambda place: -place[2])
    assert [unit for unit, _, _ in by_depth] == sorted(
        (unit.unit for unit in SORTING.units), key=lambda k: SORTING.units[k].depth_um
    )
    _, x, y = next(place for place in places if place[0] == 5)
    canvas = page.driver.find_element("css selector", "#unit_scatter canvas")
    box = page.js("return [arguments[0].clientWidth, arguments[0].clientHeight]", canvas)
    ActionChains(page.driver).move_to_element_with_offset(canvas, x - box[0] / 2, y - box[1] / 2).click().perform()
    page.wait("return document.getElementById('chosen').textContent === '5'")
    type_command(page, ":css nothing_like_it")
    assert page.js("return [...document.querySelectorAll('#unit_scatter select')].map((one) => one.value)") == [
        *("snr", "depth_um", "unit")
    ]
    page.no_errors()


def test_typed_commands_set_bins_as_in_phy(page: Page) -> None:
    page.driver.execute_script(
        "window.asked = []; const real = fetch; window.fetch = (...a) => (asked.push(a[0]), real(...a))"
    )
    for command, request in {
        ":isib 2": "intervals/0?from=0&to=50&bin=2",
        ":isimax 80": "intervals/0?from=0&to=80&bin=2",
        ":isimin 10": "intervals/0?from=10&to=80&bin=2",
        ":isin 7": "intervals/0?from=10&to=80&bin=10",
        ":frn 50": "unit/0?rates=50",
        ":frb 2": "unit/0?rates=10",
        ":hb 4": "intervals/0?from=10&to=80&bin=4 unit/0?rates=5",
        ":hn 20": "intervals/0?from=10&to=80&bin=3.5 unit/0?rates=20",
    }.items():
        type_command(page, command)
        for one in request.split():
            page.wait(f"return asked.some((path) => path.startsWith('api/{one}&r='))")
    reveal(page, "intervals")
    page.wait(SAYS.format("intervals", "startsWith('intervals of 10 to 80 ms')"))
    type_command(page, ":isimin 90")
    page.wait("return document.getElementById('message').classList.contains('wrong')")
    page.js("window.before = document.querySelector('#correlograms canvas').toDataURL()")
    type_command(page, ":cr 20")
    page.wait("return document.querySelector('#correlograms canvas').toDataURL() !== before")


def test_two_scatters_show_two_kinds_at_once(page: Page) -> None:
    reveal(page, "scatter_2")
    kinds = "return ['scatter', 'scatter_2'].map((id) => document.querySelector(`#${id} canvas`)?.ariaLabel)"
    page.js(
        "import('./layout/layout.js').then(async (m) => {"
        "const { group, row } = await import('./layout/tree.js');"
        "m.arrange(row([0.5, group('scatter')], [0.5, group('scatter_2')])); })"
    )
    page.wait(f"const all = (() => {{ {kinds} }})(); return all.every((one) => one)")
    assert [label.split(" over")[0] for label in page.js(kinds)] == ["amplitude (µV)", "depth (µm)"]
    page.press("a", "a")
    page.wait(f"const all = (() => {{ {kinds} }})(); return all[0].startsWith('depth (µm) over x (µm)')")
    assert page.js(kinds)[1].startswith("depth (µm) over time (s)")
    drag(page, "#scatter_2 canvas.lasso", (0.3, 0.2), (0.9, 0.2), (0.9, 0.8), (0.3, 0.8))
    page.wait("return document.getElementById('message').textContent.startsWith('In the lasso: ')")
    page.press("k")
    page.saved("split")
    page.press("Ctrl+z")
    page.saved("undo")
    page.no_errors()
