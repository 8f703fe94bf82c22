// Where everything stands: netdsl/draw/arrange/plane.py and layout.py in the browser, in the same order and with the
// same numbers.

const TRACK = 9, GAP = 6, ARROW = 12, LABEL = 13, PAD = 12, HEADER = 22, BETWEEN = 22, CARD = 4, PORT = 14;
const STRETCH = 36, CORNER = 26, MOST_NAMED = 4;

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
