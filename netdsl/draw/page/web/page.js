// The page: draws, and opens and closes blocks in place. The files of this folder become one script (page.py);
// tests/draw/test_page.py holds them to the Python that they follow.

function start() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const place = document.getElementById("drawing");
  const open = new Set(data.open), spread = new Set();
  const ruler = document.createElement("canvas").getContext("2d");
  ruler.font = "10px Helvetica, Arial, 'Liberation Sans', Arimo, sans-serif";
  const widths = new Map(Object.entries(data.widths));
  const width = (text) => (widths.has(text) ? widths.get(text) : ruler.measureText(text).width);

  function draw(keep) {
    const focused = document.activeElement && document.activeElement.getAttribute("data-part");
    const before = keep === undefined ? null : position(keep);
    place.replaceChildren(new Writer(new View(data, open, spread), width, act).write());
    // What was opened or closed stays under the pointer.
    const after = before === null ? null : position(keep);
    if (after !== null) {
      place.scrollTop += after[1] - before[1];
      place.scrollLeft += after[0] - before[0];
    }
    if (focused) place.querySelector(`[data-part="${focused}"]`)?.focus({ preventScroll: true });
  }

  function position(part) {
    const found = place.querySelector(`[data-part="${part}"] rect`);
    return found ? [Number(found.getAttribute("x")), Number(found.getAttribute("y"))] : null;
  }

  const act = {
    toggle(part) {
      if (open.has(part)) open.delete(part);
      else open.add(part);
      draw(part);
      act.line(data.parts[part], false);
    },
    turns(stack) {
      if (spread.has(stack)) spread.delete(stack);
      else spread.add(stack);
      draw();
    },
    line(part, scroll = true) {
      for (const each of document.querySelectorAll(".spec .marked")) each.classList.remove("marked");
      const row = part.line ? document.getElementById("L" + part.line) : null;
      if (!row) return;
      row.classList.add("marked");
      const list = row.closest(".spec");
      if (scroll || row.offsetTop < list.scrollTop || row.offsetTop > list.scrollTop + list.clientHeight - 20) {
        list.scrollTop = row.offsetTop - list.clientHeight / 3;
      }
    },
  };

  document.getElementById("open-all").addEventListener("click", () => {
    data.parts.forEach((part, number) => {
      if (part.kind === "frame" && part.columns.length) open.add(number);
    });
    draw();
  });
  document.getElementById("close-all").addEventListener("click", () => {
    open.clear();
    spread.clear();
    draw();
  });
  for (const button of document.querySelectorAll("table button")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-expanded") !== "true";
      button.setAttribute("aria-expanded", String(shown));
      fold(button.closest("tr"), shown);
    });
  }
  document.documentElement.classList.add("live");
  draw();
}

// Shows or hides the rows below one; what was open below it is open again.
function fold(row, shown) {
  const level = Number(row.dataset.level);
  let hidden = shown ? Infinity : level + 1;
  for (let next = row.nextElementSibling; next && Number(next.dataset.level) > level; next = next.nextElementSibling) {
    const own = Number(next.dataset.level);
    if (shown && own <= hidden) hidden = Infinity;
    next.hidden = !shown || own > hidden;
    const button = next.querySelector("button");
    if (shown && own < hidden && button && button.getAttribute("aria-expanded") !== "true") hidden = own;
  }
}

start();
