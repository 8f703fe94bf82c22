// The drawing of a page: opens and closes blocks in place. Lays out as netdsl/draw/view.py, layout.py and routes.py do,
// in the same order and with the same numbers; tests/draw/test_page.py holds the two together.
"use strict";

const TRACK = 9, GAP = 6, ARROW = 12, LABEL = 13, PAD = 12, HEADER = 22, BETWEEN = 22, CARD = 4, PORT = 14;
const STRETCH = 36, CORNER = 26, MOST_NAMED = 4, MARGIN = 16, ROUND = 6;

// --- view.py: what is seen

class View {
  constructor(data, open, spread) {
    this.data = data;
    this.parts = data.parts;
    this.open = open;
    this.spread = spread;
    this.boxes = new Map();
    this.twins = new Map();
    this.turns = new Map();
    this.root = this.column(data.root, null);
    for (const items of data.sides) {
      const side = this.column(items, null);
      side.hangs = this.root;
      this.root.sides.push(side);
    }
    this.wires = this.wire();
  }

  column(items, owner) {
    const column = { items: [], owner, gaps: [], lanes: [], sides: [], x: 0, y: 0, left: 0, right: 0, length: 0 };
    for (const item of items) {
      let placed;
      if (typeof item === "number") {
        placed = this.box(item);
      } else {
        placed = { row: true, branches: [], through: item.through, x: 0, y: 0, left: 0, right: 0, length: 0 };
        placed.branches = item.branches.map((branch) => this.column(branch, placed));
      }
      placed.column = column;
      placed.index = column.items.length;
      column.items.push(placed);
    }
    for (let n = 0; n <= column.items.length; n++) column.gaps.push(newGap());
    return column;
  }

  box(number) {
    const part = this.parts[number];
    if (part.kind === "stack") return this.stack(number);
    if (this.open.has(number) && part.columns.length && part.columns[0].length) {
      return this.frame(number, part.columns[0], 1, part.head);
    }
    return this.seen(number, newBox(number, part, part.closed, 1));
  }

  frame(number, items, times, head) {
    const box = newBox(number, this.parts[number], { wide: 0, high: 0, lines: head.lines }, times);
    box.headerWidth = head.wide;
    box.inner = this.column(items, box);
    return this.seen(number, box);
  }

  seen(number, box) {
    box.tensors = box.part.tensors.map((each) => this.parts[each]);
    this.boxes.set(number, box);
    return box;
  }

  stack(number) {
    const part = this.parts[number];
    let box;
    if (this.spread.has(number)) {
      box = this.frame(number, [].concat(...part.columns), 1, part.head);
      box.stack = number;
      return box;
    }
    const times = part.columns.length, items = part.columns[0], only = items[0];
    this.pair(number);
    if (items.length !== 1 || typeof only !== "number" || this.parts[only].kind === "stack") {
      box = this.frame(number, items, times, part.head);
      box.stack = number;
      return box;
    }
    const one = this.parts[only];
    if (this.open.has(only) && one.columns.length && one.columns[0].length) {
      box = this.frame(only, one.columns[0], times, part.many.head);
    } else {
      box = this.seen(only, newBox(only, one, part.many.closed, times));
    }
    box.stack = number;
    this.boxes.set(number, box);
    return box;
  }

  pair(stack) {
    const columns = this.parts[stack].columns;
    columns.forEach((turn, number) => {
      const pairs = [[columns[0], turn]];
      while (pairs.length) {
        const [ours, theirs] = pairs.pop();
        const mine = partsIn(ours), other = partsIn(theirs);
        mine.forEach((one, at) => {
          this.turns.set(other[at], [stack, number]);
          if (number) this.twins.set(other[at], one);
          const a = this.parts[one].columns, b = this.parts[other[at]].columns;
          a.forEach((column, n) => pairs.push([column, b[n]]));
        });
      }
    });
  }

  wire() {
    const found = new Map(), ids = new Map();
    const id = (column) => {
      if (!ids.has(column)) ids.set(column, ids.size);
      return ids.get(column);
    };
    for (const edge of this.data.edges) {
      if (this.betweenTurns(edge)) continue;
      const source = this.spot(edge.source, false), target = this.spot(edge.target, true);
      if (!source || !target) continue;
      if (source.column === target.column && source.item >= target.item) continue;
      const owner = source.column.owner;
      const enters = owner && !owner.row && owner.column === target.column && owner.index === target.item;
      if (source.item === -1 && enters) continue;
      const key = [id(source.column), source.item, id(target.column), target.item].join();
      if (found.has(key)) continue;
      const train = this.parts[edge.source.part].train || this.parts[edge.target.part].train;
      found.set(key, { source, target, edge, label: this.label(edge, source), train });
    }
    const wires = [...found.values()];
    const name = (wire) => id(wire.source.column) + "," + wire.source.item;
    const output = (wire) => this.parts[wire.edge.target.part].kind === "output";
    const told = new Set(
      wires.filter((wire) => !output(wire) && wire.target.item < wire.target.column.items.length).map(name)
    );
    for (const wire of wires) if (!told.has(name(wire)) && wire.source.item >= 0) wire.label = "";
    return wires;
  }

  label(edge, source) {
    let part = this.parts[edge.source.part];
    if (edge.source.inside) {
      if (part.kind === "stack" || edge.source.port === 0) return "";
      return (edge.name + " " + edge.shape).trim();
    }
    if (part.kind === "input" || !part.changes) return "";
    const item = source.column.items[source.item];
    if (!item.row && item.part.kind !== "stack" && item.part !== part && !item.inner) part = item.part;
    return part.shape || edge.shape;
  }

  spot(end, target) {
    let part = end.part;
    while (this.twins.has(part)) part = this.twins.get(part);
    let box = this.boxes.get(part);
    if (end.inside) {
      if (!box || !box.inner) return null;
      return { column: box.inner, item: target ? box.inner.items.length : -1, port: end.port };
    }
    while (!box) {
      part = this.parts[part].parent;
      if (part === null) return null;
      while (this.twins.has(part)) part = this.twins.get(part);
      box = this.boxes.get(part);
    }
    return { column: box.column, item: box.index, port: 0 };
  }

  betweenTurns(edge) {
    const a = this.path(edge.source.part), b = this.path(edge.target.part);
    for (const [stack, number] of a) if (b.has(stack) && b.get(stack) !== number) return true;
    return false;
  }

  path(part) {
    const found = new Map();
    for (let at = part; at !== null; at = this.parts[at].parent) {
      for (let twin = at; twin !== undefined; twin = this.twins.get(twin)) {
        if (this.turns.has(twin)) {
          const [stack, number] = this.turns.get(twin);
          if (!found.has(stack)) found.set(stack, number);
        }
      }
    }
    return found;
  }
}

function newBox(number, part, size, times) {
  return {
    number, part, across: size.wide, along: size.high, lines: size.lines, times, inner: null, headerWidth: 0,
    tensors: [], x: 0, y: 0, ownLeft: 0, ownRight: 0, left: 0, right: 0, length: 0, arrivals: 0, stack: null,
  };
}

function newGap() {
  return { gap: true, labels: new Map(), sources: new Map(), targets: new Map(), y: 0, length: 0, labelAlong: 0,
    step: PORT };
}

function partsIn(column) {
  const found = [];
  for (const item of column) {
    if (typeof item === "number") found.push(item);
    else for (const branch of item.branches) found.push(...partsIn(branch));
  }
  return found;
}

const cards = (box) => (box.times > 1 ? 2 * CARD : 0);
const sideOf = (box) => box.y + (box.inner ? Math.min(11, box.along / 2) : box.along / 2);

// --- layout.py: where it stands

function at([kind, what, key]) {
  if (what.gap) {
    if (kind === "top") return what.y;
    const number = kind === "s" ? what.sources.get(key) : what.sources.size + what.targets.get(key);
    return what.y + what.labelAlong + GAP + number * TRACK;
  }
  if (what.part) return kind === "top" ? what.y : sideOf(what) + spread(what, key);
  return what.y + what.length;
}

function spread(box, number) {
  if (box.inner || number === 0 || box.arrivals > 3) return 0;
  const step = Math.floor((number + 1) / 2) * 7 * (number % 2 ? 1 : -1);
  const most = Math.max(box.along / 2 - 4, 0);
  return Math.max(-most, Math.min(step, most));
}

class Layout {
  constructor(root, width) {
    this.root = root;
    this.width = width;
  }

  place() {
    const root = this.root;
    this.measure(root);
    this.goAlong(root, 0);
    this.spread(root);
    const start = (side) => (side.start ? at(side.start) : 0);
    const sides = [...root.sides].sort((a, b) => start(a) - start(b));
    let pushed = 0, last = -1e9;
    for (const side of sides) {
      this.measure(side);
      const level = start(side) - GAP, y = Math.max(level, last + GAP);
      if (y > level) pushed += 1;
      this.goAlong(side, y);
      this.spread(side);
      side.corridor = root.right + PAD + TRACK * pushed;
      last = y + side.length;
    }
    let right = root.right, bottom = root.length;
    for (const side of sides) {
      const x = root.right + CORNER + TRACK * pushed + side.left;
      this.goAcross(side, x);
      right = Math.max(right, x + side.right);
      bottom = Math.max(bottom, side.y + side.length);
    }
    this.goAcross(root, 0);
    return [right + root.left, bottom];
  }

  measure(column) {
    let total = 0;
    column.gaps.forEach((gap, number) => {
      this.measureGap(column, gap, number, column.items.length);
      total += gap.length;
    });
    for (const item of column.items) {
      if (item.row) {
        item.branches.forEach((branch) => this.measure(branch));
        item.length = Math.max(...item.branches.map((branch) => branch.length));
      } else {
        if (item.inner) {
          this.measure(item.inner);
          item.along = item.inner.length + HEADER;
        } else {
          const sizes = item.tensors.map((each) => each.closed.high);
          const beside = sizes.reduce((a, b) => a + b, 0) + 4 * Math.max(sizes.length - 1, 0);
          item.along = Math.max(item.along, beside);
        }
        item.length = item.along + cards(item);
      }
      total += item.length;
    }
    column.length = total;
  }

  measureGap(column, gap, number, count) {
    if (gap.labels.size > MOST_NAMED) gap.labels.clear();
    const labels = [...gap.labels.values()].filter(Boolean);
    gap.labelAlong = labels.length ? LABEL : 0;
    gap.step = labels.length > 1 ? Math.max(...labels.map(this.width)) + 14 : PORT;
    const tracks = gap.sources.size + gap.targets.size, used = tracks * TRACK;
    const inRow = column.owner && column.owner.row, framed = column.owner && !column.owner.row;
    if (0 < number && number < count) gap.length = gap.labelAlong + GAP + used + ARROW;
    else if (number === 0 && count) {
      gap.length = gap.labelAlong + used + (framed || used ? GAP + ARROW : 0);
      if (inRow && !used) gap.length = gap.labelAlong;
    } else if (framed) gap.length = gap.labelAlong + GAP + used + GAP;
    else gap.length = gap.labelAlong + (used ? used + 2 * GAP : 0) + (labels.length ? GAP : 0);
  }

  goAlong(column, y) {
    column.y = y;
    column.gaps.forEach((gap, number) => {
      gap.y = y;
      y += gap.length;
      const item = column.items[number];
      if (!item) return;
      item.y = y;
      if (item.row) {
        for (const branch of item.branches) {
          this.justify(branch, item.length);
          this.goAlong(branch, y + item.length - branch.length);
        }
      } else if (item.inner) this.goAlong(item.inner, y + HEADER);
      y += item.length;
    });
  }

  justify(branch, length) {
    const missing = length - branch.length;
    const inner = branch.gaps.length > 2 ? branch.gaps.slice(1, -1) : branch.gaps.slice(-1);
    if (0 < missing && missing <= STRETCH) {
      for (const gap of inner) gap.length += missing / inner.length;
      branch.length = length;
    }
  }

  spread(column) {
    const reach = [];
    let left = 0;
    for (const item of column.items) {
      if (item.row) this.spreadRow(item);
      else this.spreadBox(item);
      left = Math.max(left, item.left);
      reach.push([item.y, item.y + item.length, item.right]);
    }
    for (const gap of column.gaps) {
      for (const [port, text] of gap.labels) {
        if (text) reach.push([gap.y, gap.y + gap.labelAlong, port * gap.step + this.width(text) + 8]);
      }
    }
    const taken = [];
    const length = (lane) => at(lane.stop) - at(lane.start);
    for (const lane of [...column.lanes].sort((a, b) => length(a) - length(b))) {
      const start = at(lane.start), stop = at(lane.stop);
      let clear = null;
      for (const [low, high, right] of reach) {
        if (low < stop + 4 && high > start - 4) clear = clear === null ? right : Math.max(clear, right);
      }
      let x = (clear === null ? 0 : clear) + PAD + 2;
      for (const [low, high, other] of [...taken].sort((a, b) => a[2] - b[2])) {
        if (low <= stop + 4 && high >= start - 4 && Math.abs(other - x) < TRACK) x = other + TRACK;
      }
      lane.x = x;
      taken.push([start, stop, x]);
    }
    column.left = left;
    column.right = Math.max(1, ...reach.map((each) => each[2]), ...taken.map((each) => each[2] + 4));
  }

  spreadBox(box) {
    if (box.inner) {
      this.spread(box.inner);
      box.ownLeft = box.inner.left + PAD;
      box.ownRight = box.inner.right + PAD;
      const missing = box.headerWidth + 2 * GAP - box.ownLeft - box.ownRight;
      if (missing > 0) {
        box.ownLeft += missing / 2;
        box.ownRight += missing / 2;
      }
      box.across = box.ownLeft + box.ownRight;
    } else box.ownLeft = box.ownRight = box.across / 2;
    const beside = Math.max(0, ...box.tensors.map((each) => each.closed.wide));
    box.left = box.ownLeft + (box.tensors.length ? beside + ARROW + GAP : 0);
    box.right = box.ownRight + cards(box);
  }

  spreadRow(row) {
    let offset = 0;
    row.offsets = [];
    row.branches.forEach((branch, number) => {
      this.spread(branch);
      offset += branch.left + (number ? BETWEEN : 0);
      row.offsets.push(offset);
      offset += branch.right;
    });
    const first = row.branches[0], last = row.branches[row.branches.length - 1], [head] = row.offsets;
    const tail = row.offsets[row.offsets.length - 1];
    let middle = head;
    if (!row.through) {
      middle = (head - Math.min(first.left, first.right) + tail + Math.min(last.left, last.right)) / 2;
      middle = Math.min(Math.max(middle, 0), offset);
    }
    row.offsets = row.offsets.map((each) => each - middle);
    row.left = middle;
    row.right = offset - middle;
  }

  goAcross(column, x) {
    column.x = x;
    for (const lane of column.lanes) lane.x += x;
    for (const item of column.items) {
      item.x = x;
      if (item.row) item.branches.forEach((branch, n) => this.goAcross(branch, x + item.offsets[n]));
      else if (item.inner) this.goAcross(item.inner, x);
    }
  }
}

// --- routes.py: the ways of the edges

class Way {
  constructor(view, wire, ids) {
    this.wire = wire;
    this.ids = ids;
    const { source, target } = wire;
    this.sourceKey = [ids(source.column), source.item, source.port].join();
    this.targetKey = [ids(target.column), target.item].join();
    const common = commonColumn(source.column, target.column, view.root);
    let column = source.column, index = source.item;
    this.x = ["spine", column, source.port];
    this.y = null;
    this.corners = [[this.x, ["top", column.gaps[index + 1], null]]];
    this.onSpine = source.port === 0;
    while (column !== common) {
      const owner = column.owner;
      if (!(this.onSpine && index === column.items.length - 1)) {
        if (owner.row) this.takeLane(column, this.turn(column.gaps[index + 1]), ["end", column, null]);
        else this.turn(column.gaps[index + 1]);
      }
      column = owner.column;
      index = owner.index;
    }
    if (this.y && this.onSpine) this.onSpine = false;
    const tail = this.approach(common);
    if (tail.side) this.toSide(tail, column, index);
    else this.arrive(common, index, tail);
  }

  turn(gap) {
    if (!this.y) {
      this.y = this.track(gap, "s");
      this.corners.push([this.x, this.y]);
      this.onSpine = false;
    }
    return this.y;
  }

  track(gap, key) {
    const tracks = key === "s" ? gap.sources : gap.targets, name = key === "s" ? this.sourceKey : this.targetKey;
    if (!tracks.has(name)) tracks.set(name, tracks.size);
    return [key, gap, name];
  }

  takeLane(column, start, stop) {
    const lane = { lane: true, start, stop, x: 0 };
    column.lanes.push(lane);
    this.x = ["lane", lane, 0];
    this.corners.push([this.x, start]);
    this.y = null;
    this.onSpine = false;
  }

  approach(common) {
    let column = this.wire.target.column, index = this.wire.target.item, x = null, y = null;
    const tail = [];
    while (column !== common) {
      const owner = column.owner;
      if (!owner) return { side: column, tail, index, x, y };
      if (owner.row) {
        if (!x && !y && index === 0) {
          x = ["spine", column, 0];
          tail.unshift([x, this.targetTop()]);
        } else {
          x = this.downALane(column, index, tail, x, y);
          y = null;
        }
      } else if (!x && !y) y = this.targetSide(tail);
      else if (x) {
        y = this.track(column.gaps[index], "t");
        tail.unshift([x, y]);
        x = null;
      }
      column = owner.column;
      index = owner.index;
    }
    return { tail, index, x, y };
  }

  downALane(column, index, tail, x, y) {
    if (x) {
      y = this.track(column.gaps[index], "t");
      tail.unshift([x, y]);
    } else if (!y) y = this.targetSide(tail);
    const lane = { lane: true, start: ["top", column.gaps[0], null], stop: y, x: 0 };
    column.lanes.push(lane);
    const place = ["lane", lane, 0];
    tail.unshift([place, y]);
    return place;
  }

  targetTop() {
    const { column, item } = this.wire.target;
    return item === column.items.length ? ["end", column, null] : ["top", column.items[item], null];
  }

  targetSide(tail) {
    const { column, item } = this.wire.target;
    if (item === column.items.length) {
      const y = this.track(column.gaps[item], "t"), spine = ["spine", column, 0];
      tail.unshift([spine, y], [spine, ["end", column, null]]);
      return y;
    }
    const box = column.items[item], y = ["side", box, box.arrivals];
    box.arrivals += 1;
    tail.unshift([["side", box, 0], y]);
    return y;
  }

  arrive(common, index, { tail, index: goal, x, y }) {
    const between = common.items.slice(index + 1, goal), spine = ["spine", common, 0];
    const passes = between.every((item) => item.row && item.through);
    if (!x && !y && !this.y && passes) {
      if (this.x[0] !== "spine" || this.x[1] !== common || this.x[2] !== 0) {
        const track = this.track(common.gaps[index + 1], "t");
        this.corners.push([this.x, track], [spine, track]);
      }
      this.corners.push([spine, this.targetTop()]);
    } else if (x && !this.y && !between.length) {
      const track = this.track(common.gaps[goal], "s");
      this.corners.push([this.x, track], [x, track], ...tail);
    } else {
      const start = this.turn(common.gaps[index + 1]);
      if (x) {
        y = this.track(common.gaps[goal], "t");
        tail.unshift([x, y]);
      } else if (!y) y = this.targetSide(tail);
      this.takeLane(common, start, y);
      this.corners.push([this.x, y], ...tail);
    }
  }

  toSide({ side, tail, index: goal, x, y }, column, index) {
    const start = this.turn(column.gaps[index + 1]);
    if (!side.start) side.start = start;
    const corridor = ["corridor", side, 0], above = ["t", side.gaps[0], this.targetKey];
    if (!side.gaps[0].targets.has(this.targetKey)) side.gaps[0].targets.set(this.targetKey, 0);
    if (!x && !y && goal === 0) {
      x = ["spine", side, 0];
      tail = [[x, this.targetTop()]];
    } else if (!x || goal > 0) x = this.downALane(side, goal, tail, x, y);
    this.corners.push([corridor, start], [corridor, above], [x, above], ...tail);
  }
}

function commonColumn(a, b, root) {
  const up = (column) => (column.owner ? column.owner.column : null), seen = new Set();
  for (let each = a; each; each = up(each)) seen.add(each);
  for (let each = b; each; each = up(each)) if (seen.has(each)) return each;
  return root;
}

function acrossOf([kind, what, number]) {
  if (what.part) return what.x + what.ownRight + cards(what);
  if (kind === "corridor") return what.corridor;
  if (what.lane || !number) return what.x;
  return what.x + what.gaps[0].step * number;
}

function pointsOf(corners) {
  const near = (a, b) => Math.abs(a - b) < 0.6, found = [];
  for (const [x, y] of corners) {
    const point = [acrossOf(x), at(y)], last = found[found.length - 1], before = found[found.length - 2];
    if (last && near(last[0], point[0]) && near(last[1], point[1])) continue;
    const straight = (axis) => near(before[axis], last[axis]) && near(last[axis], point[axis]);
    if (before && (straight(0) || straight(1))) found[found.length - 1] = point;
    else found.push(point);
  }
  return found;
}

// --- svg.py: how it is written, with controls that open and close

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

// --- the page

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
