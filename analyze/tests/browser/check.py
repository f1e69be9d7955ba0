"""Opens web pages of `analyze` in headless Chromium, and prints everything that is wrong with them.

    check.py CHROMIUM REPORT [OTHER PAGE...] [--pictures FOLDER]

REPORT is a page of `analyze report`. With --pictures, the script saves screenshots of each page.

On each page it checks, in light and dark colours, at three widths and for print: the console shows no message, the page requests no
other file, axe-core finds no violation of the rules of accessibility, and nothing on a screen is wider than the window.

On the report it also checks: tables can be sorted and filtered, and pictures can be moved and zoomed, by mouse and by keyboard.
Without JavaScript, the page says what needs JavaScript, and the tables have their rows.
"""

import argparse
import re
import shutil
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

WIDTHS = [1280, 768, 380]
mistakes = []  # one line of text for each mistake that was found


def check(is_right, mistake):
    """Notes the mistake if `is_right` is false."""
    if not is_right:
        mistakes.append(mistake)


def open_page(browser, path, **options):
    """Opens a page. Messages of its console, errors of its script and requests for other files become mistakes."""
    context = browser.new_context(**options)
    page = context.new_page()
    page.on("console", lambda message: mistakes.append(f"{path.name}: the console says {message.text}"))
    page.on("pageerror", lambda error: mistakes.append(f"{path.name}: {error}"))
    page.on("request", lambda request: check(request.url == path.as_uri(), f"{path.name}: it requests {request.url}"))
    page.goto(path.as_uri())
    return page


def check_looks(browser, path, pictures):
    """Checks each look of a page (width, colours, screen or print). Saves screenshots in the folder `pictures`, unless it is None."""
    looks = [(width, colours, "screen") for colours in ["light", "dark"] for width in WIDTHS]
    for width, colours, media in [*looks, (768, "light", "print")]:
        # The content security policy of the page would forbid the script of axe-core, so the policy is switched off.
        page = open_page(browser, path, viewport={"width": width, "height": 900}, color_scheme=colours, bypass_csp=True)
        page.emulate_media(media=media, color_scheme=colours)
        if media == "print":
            # A browser sends the event `beforeprint` before it prints, but not if print is only emulated.
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
        look = f"{path.stem} {width} {colours} {media}"
        overhang = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        check(media == "print" or overhang <= 0, f"{look}: {overhang} pixels wider than the window")
        for violation in Axe().run(page).response["violations"]:
            nodes = [node["html"][:200] for node in violation["nodes"][:3]]
            mistakes.append(f"{look}: {violation['id']}: {violation['help']}: {nodes}")
        if pictures:
            # On paper the whole page is seen, on a screen only what fits into the window.
            page.screenshot(path=f"{pictures}/{look.replace(' ', '-')}.png", full_page=media == "print")
        page.context.close()


def column(table, index):
    """The texts of a column, row by row. `index` counts from 0."""
    return table.locator(f"tbody tr td:nth-child({index + 1})").all_inner_texts()


def check_tables(page):
    """Sorts and filters the first table.

    Its first columns are keys: they say what a row is about, such as `internal` and `machine`. Then come the number of runs `n`, and
    measures, in cells such as `16.36 ± 0.88`.
    """
    table = page.locator(".table").first
    headings = table.locator("th button").all_inner_texts()
    n_column = headings.index("n")
    measure = n_column + 1  # the column that is sorted: the first measure
    heading = table.locator("th button").nth(measure)
    before = column(table, measure)
    heading.click()
    ascending = column(table, measure)
    check(table.locator("th").nth(measure).get_attribute("aria-sort") == "ascending", "a click does not sort")
    heading.focus()
    page.keyboard.press("Enter")
    descending = column(table, measure)
    check(table.locator("th").nth(measure).get_attribute("aria-sort") == "descending", "Enter does not sort")
    # The number at the beginning of each cell.
    numbers = [float(re.match(r"-?[\d.]+", text)[0]) for text in ascending]
    check(numbers == sorted(numbers) and len(set(numbers)) > 1, f"not sorted: {ascending}")
    numbers = [float(re.match(r"-?[\d.]+", text)[0]) for text in descending]
    check(numbers == sorted(numbers, reverse=True), f"not sorted: {descending}")
    check(sorted(before) == sorted(ascending), "rows are lost by sorting")
    # A word that some rows contain and others do not: the first cell of a key column whose cells are not all equal.
    keys = [column(table, index) for index in range(n_column)]
    word = next(cells[0] for cells in keys if len(set(cells)) > 1)
    table.locator("input").focus()
    page.keyboard.type(word)
    filtered = column(table, measure)
    check(0 < len(filtered) < len(before), f"the filter {word} leaves {len(filtered)} of {len(before)} rows")
    # The status is a text such as "Rows 1 to 4 of 4".
    check(table.locator("[role=status]").inner_text().endswith(f"of {len(filtered)}"), "the number of rows is wrong")
    page.keyboard.press("Control+A")
    page.keyboard.type("no such thing")
    check(column(table, measure) == [], "a filter that fits nothing leaves rows")
    check(table.locator("[role=status]").inner_text() == "No rows", "the status is wrong")


def check_pictures(page):
    """Zooms and moves the first picture: with buttons, with the mouse and with keys."""
    picture = page.locator(".zoom").first
    # The part of the picture that is shown: x, y, width, height.
    view = lambda: [float(number) for number in picture.locator("svg").get_attribute("viewBox").split()]
    whole = view()
    press = lambda words: page.get_by_role("button", name=words, exact=True).first.click()
    press("Zoom in")
    check(view()[2] < whole[2], "the button does not zoom")
    before = view()
    picture.scroll_into_view_if_needed()
    frame = picture.bounding_box()
    # The mouse drags the picture to the left, so parts further right become visible: x of the view grows.
    page.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + 40)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] / 2 - 60, frame["y"] + 30)
    page.mouse.up()
    check(view()[0] > before[0] and view()[2] == before[2], "the mouse does not move the picture")
    # Control and the mouse wheel zoom in. This takes a moment, so the script waits until the view is narrower.
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    previous_width = before[2]
    page.wait_for_function("([width]) => document.querySelector('.zoom svg').viewBox.baseVal.width < width", arg=[previous_width])
    press("Show all")
    check(view() == whole, "the button does not show all")
    picture.focus()
    # Each function is called after its key was pressed. Then `before` is the view before the key was pressed.
    for key, is_right in [
        ("+", lambda: view()[2] < before[2]),
        ("ArrowRight", lambda: view()[0] > before[0]),
        ("ArrowLeft", lambda: view()[0] < before[0]),
        ("-", lambda: view()[2] > before[2]),
        ("+", lambda: view()[2] < before[2]),
        ("0", lambda: view() == whole),
    ]:
        before = view()
        page.keyboard.press(key)
        check(is_right(), f"the key {key} does nothing")


def check_without_script(browser, path):
    """Checks what a browser without JavaScript shows of a report."""
    page = open_page(browser, path, java_script_enabled=False)
    check(page.locator("noscript").count() > 0, "the page has no text for browsers without script")
    check(page.locator("noscript p").is_visible(), "the page does not say what needs the script")
    check(page.locator(".table tbody tr").count() > 0, "without the script, tables have no rows")
    page.context.close()


def main():
    parser = argparse.ArgumentParser()
    # `shutil.which` finds the path of a program by its name.
    parser.add_argument("chromium", type=shutil.which)
    parser.add_argument("report", type=Path)
    parser.add_argument("others", type=Path, nargs="*")
    parser.add_argument("--pictures")
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        # As root, Chromium starts only if its sandbox is switched off. Our own pages do not need the sandbox.
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        report = arguments.report.resolve()
        page = open_page(browser, report, viewport={"width": 1280, "height": 900})
        check_tables(page)
        check_pictures(page)
        page.context.close()
        check_without_script(browser, report)
        for path in [report, *(other.resolve() for other in arguments.others)]:
            check_looks(browser, path, arguments.pictures)
        browser.close()
    print("\n".join(mistakes) or "all right")


main()
