// The drawing as elements: netdsl/draw/write/svg.py in the browser, with controls that open and close.

const MARGIN = 16, ROUND = 6;
const SVG = "http://www.w3.org/2000/svg";
const CLASSES = { weights: "w", pool: "p", norm: "n", pointwise: "u", combine: "c", shape: "s", group: "g", end: "e" };
const round = (value) => String(Math.round(value * 10) / 10);

function element(name, attributes, ...inside) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

class Writer {
  constructor(view, width, act) {
    this.view = view;
    this.width = width;
    this.act = act;
    this.below = [];
    this.lines = [];
    this.above = [];
  }

  write() {
    const view = this.view, ids = new Map();
    const id = (column) => {
      if (!ids.has(column)) ids.set(column, ids.size);
      return ids.get(column);
    };
    for (const { source, label } of view.wires) {
      const labels = source.column.gaps[source.item + 1].labels;
      if (label && !labels.has(source.port)) labels.set(source.port, label);
    }
    const ways = view.wires.map((wire) => new Way(view, wire, id));
    const [wide, high] = new Layout(view.root, this.width).place();
    this.left = MARGIN + view.root.left;
    this.top = MARGIN;
    this.column(view.root, 0);
    for (const side of view.root.sides) this.column(side, 0);
    ways.forEach((way) => {
      const ends = pointsOf(way.corners).map(([x, y]) => [this.left + x, this.top + y]);
      const { target, train, edge } = way.wire;
      this.path(ends, train, target.item < target.column.items.length, edge.shape);
    });
    const size = [round(wide + 2 * MARGIN), round(high + 2 * MARGIN)];
    const svg = element("svg", {
      class: "netdsl", width: size[0], height: size[1], viewBox: `0 0 ${size[0]} ${size[1]}`, role: "group",
    });
    const tip = element("path", { d: "M0 0.5L6.5 3.5L0 6.5Z", class: "d" });
    const marker = { id: "netdsl-p", markerWidth: 7, markerHeight: 7, refX: 6, refY: 3.5, orient: "auto",
      markerUnits: "userSpaceOnUse" };
    svg.append(element("defs", {}, element("marker", marker, tip)), ...this.below, ...this.lines, ...this.above);
    return svg;
  }

  column(column, depth) {
    for (const item of column.items) {
      if (item.row) item.branches.forEach((branch) => this.column(branch, depth));
      else if (item.inner) {
        this.frame(item, depth);
        this.column(item.inner, depth + 1);
      } else this.closed(item, item.part, item.x - item.across / 2, item.y, item.across, item.along, item.lines);
      if (!item.row) this.tensors(item);
    }
    for (const gap of column.gaps) {
      for (const [port, label] of gap.labels) {
        if (!label) continue;
        const x = this.left + column.x + gap.step * port + 5, y = this.top + gap.y + 10;
        this.above.push(element("text", { class: "l", x: round(x), y: round(y) }, label));
      }
    }
  }

  rect(x, y, wide, high, style, corner) {
    return element("rect", {
      class: style, x: round(this.left + x), y: round(this.top + y), width: round(wide), height: round(high),
      rx: round(corner),
    });
  }

  frame(box, depth) {
    const { part } = box, x = box.x - box.ownLeft, wide = box.ownLeft + box.ownRight;
    const style = `f${depth % 2 ? "2" : ""}${part.train ? " t" : ""}`;
    if (box.times > 1) {
      for (const by of [2 * CARD, CARD]) this.below.push(this.rect(x + by, box.y + by, wide, box.along, style, 5));
    }
    this.below.push(this.rect(x, box.y, wide, box.along, style, 5));
    const [name, title] = box.lines;
    const text = element("text", { class: "h", x: round(this.left + x + 8), y: round(this.top + box.y + 15) });
    if (name.text) text.append(element("tspan", { class: "n" }, name.text));
    text.append(title.text);
    const head = [this.rect(x + 0.5, box.y + 0.5, wide - 1, HEADER - 1, "fh", 5), text];
    this.below.push(this.group(box, head, x + wide));
  }

  closed(box, part, x, y, wide, high, lines) {
    const shapes = [], style = CLASSES[part.family] + (part.train ? " t" : "") + (part.kind === "tensor" ? " q" : "");
    const round_ = part.kind === "input" || part.kind === "output";
    const corner = round_ ? Math.min(high / 2, 12) : part.columns.length ? 5 : 3;
    if (box && box.times > 1) {
      for (const by of [2 * CARD, CARD]) shapes.push(this.rect(x + by, y + by, wide, high, style, corner));
    }
    const middle = round(this.left + x + wide / 2);
    if (lines[0].style === "s") {
      const cy = this.top + y + high / 2;
      shapes.push(element("circle", { class: style, cx: middle, cy: round(cy), r: round(wide / 2) }));
      shapes.push(element("text", { class: "y", x: middle, y: round(cy + 5) }, lines[0].text));
    } else {
      shapes.push(this.rect(x, y, wide, high, style, corner));
      const natural = lines.reduce((sum, line) => sum + (line.size === 12 ? 14 : 12), part.kind === "tensor" ? 6 : 10);
      let baseline = this.top + y + (high - natural) / 2 + (part.kind === "tensor" ? 3 : 5);
      for (const line of lines) {
        baseline += line.size === 12 ? 14 : 12;
        const attributes = { x: middle, y: round(baseline - 3.2) };
        if (line.style !== "c") attributes.class = line.style;
        shapes.push(element("text", attributes, line.text));
      }
    }
    this.below.push(this.group(box || { part, number: null, stack: null }, shapes, x + wide, y));
  }

  tensors(box) {
    const sizes = box.tensors.map((each) => each.closed.high);
    const total = sizes.reduce((a, b) => a + b, 0) + 4 * (sizes.length - 1);
    let y = box.y + ((box.inner ? HEADER : box.along) - total) / 2;
    for (const part of box.tensors) {
      const edge = box.x - box.ownLeft, { wide, high, lines } = part.closed;
      this.closed(null, part, edge - ARROW - GAP - wide, y, wide, high, lines);
      const middle = this.top + y + high / 2;
      this.path([[this.left + edge - ARROW - GAP, middle], [this.left + edge, middle]], part.train, true, part.shape);
      y += high + 4;
    }
  }

  // A box with what is told of it. A click opens or closes what holds others, and leads to the line of the others.
  group(box, shapes, right, y = box.y) {
    const { part } = box, holds = part.columns.length > 0 && part.kind !== "stack";
    const made = element("g", { class: "b", tabindex: 0, "data-part": box.number ?? "" });
    made.append(element("title", {}, part.hover), ...shapes);
    const main = () => (holds ? this.act.toggle(box.number) : this.act.line(part));
    made.setAttribute("role", holds ? "button" : "link");
    made.setAttribute("aria-label", part.hover.split("\n")[0]);
    if (holds) made.setAttribute("aria-expanded", box.inner ? "true" : "false");
    listen(made, main);
    if (box.stack === null || box.stack === undefined) return made;
    const open = this.view.spread.has(box.stack);
    const control = element("g", { class: "m", role: "button", tabindex: 0, "aria-expanded": String(open) });
    const times = this.view.parts[box.stack].columns.length;
    const says = open ? "show one turn for all" : `show all ${times} turns`;
    const x = this.left + right - (box.inner ? 18 : 8), top = this.top + y + (box.inner ? 4.5 : -6);
    control.setAttribute("aria-label", says);
    control.append(
      element("title", {}, says),
      element("rect", { x: round(x), y: round(top), width: 13, height: 13, rx: 2 }),
      element("text", { x: round(x + 6.5), y: round(top + 10.5) }, open ? "−" : "+")
    );
    listen(control, () => this.act.turns(box.stack));
    return element("g", {}, made, control);
  }

  path(ends, train, arrow, hover) {
    const length = (a, b) => Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]);
    const towards = (a, b, by) => {
      const whole = length(a, b) || 1;
      return [a[0] + ((b[0] - a[0]) * by) / whole, a[1] + ((b[1] - a[1]) * by) / whole];
    };
    const say = (point) => point.map(round).join(" ");
    let d = "M" + say(ends[0]);
    for (let n = 1; n < ends.length - 1; n++) {
      const [before, corner, after] = ends.slice(n - 1, n + 2);
      const radius = Math.min(ROUND, length(before, corner) / 2, length(corner, after) / 2);
      d += `L${say(towards(corner, before, radius))}Q${say(corner)} ${say(towards(corner, after, radius))}`;
    }
    d += "L" + say(ends[ends.length - 1]);
    const attributes = train ? { class: "t", d } : { d };
    if (arrow) attributes["marker-end"] = "url(#netdsl-p)";
    this.lines.push(element("path", attributes, element("title", {}, hover)));
  }
}

function listen(made, act) {
  made.addEventListener("click", (event) => {
    event.stopPropagation();
    act();
  });
  made.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
}
