// The ways of the edges: netdsl/draw/arrange/routes.py in the browser.

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
