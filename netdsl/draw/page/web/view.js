// What is seen, and the edges between it: netdsl/draw/arrange/view.py in the browser.
"use strict";

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
