// Justified rows: ratios in, boxes out. Days that need only part of a line share it, so that a life
// with two photos a day does not become a tower of half-empty rows.

export type Shape = {
	width: number;
	/** The height a row tries to have; with `columns` set, tiles are squares instead. */
	rowHeight: number;
	columns: number | null;
	gap: number;
	/** Height of the line that names a day; 0 draws the photos without headings. */
	headHeight: number;
	/** More photos follow right below: the last row is stretched as well, within reason. */
	continues?: boolean;
};

/** A run of photos taken on one day: `from` is its first index, `to` one past its last. */
export type DayRun = { from: number; to: number };

export type Row = { y: number; h: number; from: number; to: number };
export type Head = { day: number; x: number; y: number; w: number };

export type Layout = {
	height: number;
	x: Float32Array;
	y: Float32Array;
	w: Float32Array;
	h: Float32Array;
	/** From top to bottom, each with a contiguous run of photos. */
	rows: Row[];
	heads: Head[];
};

/** Space between two days that share a line. */
const DAY_GAP = 20;
/** A heading needs this much to say "Sat 14 · Lisbon". */
const DAY_MIN_WIDTH = 132;
/** A line this full is stretched to the edge; below, it stays ragged. */
const NEARLY_FULL = 0.72;
const MIN_RATIO = 0.4;
const MAX_RATIO = 3.5;

const clampRatio = (ratio: number) => Math.min(MAX_RATIO, Math.max(MIN_RATIO, ratio || 1));

/** In columns, days stay on the columns: the ordinary gap, and two columns for a heading to be read. */
const dayGap = (shape: Shape) => (shape.columns ? shape.gap : DAY_GAP);
const dayMinWidth = (shape: Shape) => (shape.columns ? Math.min(shape.columns, 2) * (squareSide(shape) + shape.gap) - shape.gap : DAY_MIN_WIDTH);

/** Boxes for one month. Rows are in reading order; boxes are relative to the month's top left. */
export function layout(ratios: ArrayLike<number>, days: readonly DayRun[], shape: Shape): Layout {
	const n = ratios.length;
	const out: Layout = {
		height: 0,
		x: new Float32Array(n),
		y: new Float32Array(n),
		w: new Float32Array(n),
		h: new Float32Array(n),
		rows: [],
		heads: []
	};
	const line: Line = { days: [], width: 0 };
	days.forEach((run, day) => {
		const natural = naturalWidth(ratios, run, shape);
		if (shape.headHeight === 0 || natural > shape.width + 0.5) {
			flush(out, line, ratios, shape);
			placeRows(out, { run, day, natural }, ratios, shape);
			return;
		}
		const gap = dayGap(shape);
		const wanted = Math.max(natural, dayMinWidth(shape));
		if (line.days.length > 0 && line.width + gap + wanted > shape.width + 0.5) flush(out, line, ratios, shape);
		line.width += (line.days.length > 0 ? gap : 0) + wanted;
		line.days.push({ run, day, natural });
	});
	flush(out, line, ratios, shape);
	out.height = Math.max(0, out.height);
	return out;
}

/**
 * The height a month will have before anything but its count is known. Never corrected by what was learnt
 * elsewhere: an estimate that moves while a person scrolls is worse than one that is a little off.
 */
export function estimate(count: number, shape: Shape): number {
	if (count === 0) return 0;
	const perRow = shape.columns ?? Math.max(1, (shape.width + shape.gap) / (TYPICAL_RATIO * shape.rowHeight + shape.gap));
	const tile = shape.columns ? squareSide(shape) : shape.rowHeight;
	const days = shape.headHeight ? Math.min(count, TYPICAL_DAYS) : 1;
	const heads = shape.headHeight ? Math.ceil(Math.min(days, count / perRow)) || 1 : 0;
	const raggedRows = heads * 0.4;
	const rows = Math.max(1, Math.ceil(count / perRow + raggedRows));
	return rows * (tile + shape.gap) + heads * shape.headHeight;
}

/** Phone photos are 4:3 both ways up; measured over mixed libraries, a row sees about this. */
const TYPICAL_RATIO = 1.25;
const TYPICAL_DAYS = 18;

export function squareSide(shape: Shape): number {
	const columns = shape.columns ?? 1;
	return (shape.width - shape.gap * (columns - 1)) / columns;
}

type Placed = { run: DayRun; day: number; natural: number };
type Line = { days: Placed[]; width: number };

function naturalWidth(ratios: ArrayLike<number>, run: DayRun, shape: Shape): number {
	const count = run.to - run.from;
	if (shape.columns) return count * squareSide(shape) + (count - 1) * shape.gap;
	let width = (count - 1) * shape.gap;
	for (let i = run.from; i < run.to && width <= shape.width; i++) width += clampRatio(ratios[i] ?? 1) * shape.rowHeight;
	return width;
}

/** Draws the days waiting for company as one line. */
function flush(out: Layout, line: Line, ratios: ArrayLike<number>, shape: Shape) {
	const [first] = line.days;
	const last = line.days.at(-1);
	if (!first || !last) return;
	const tile = shape.columns ? squareSide(shape) : shape.rowHeight;
	const gaps = line.days.reduce((sum, each) => sum + (each.run.to - each.run.from - 1) * shape.gap, 0);
	const between = (line.days.length - 1) * dayGap(shape);
	const minWidth = dayMinWidth(shape);
	const photos = line.days.reduce((sum, each) => sum + each.natural, 0) - gaps;
	const slack = shape.width - gaps - between - photos;
	const narrow = line.days.some((each) => each.natural < minWidth);
	const full = photos + gaps + between >= shape.width * NEARLY_FULL;
	const scale = !shape.columns && full && !narrow && slack > 0 ? (photos + slack) / photos : 1;
	const height = tile * scale;
	const y = out.height + shape.headHeight;
	let x = 0;
	for (const { run, day, natural } of line.days) {
		const width = (natural - (run.to - run.from - 1) * shape.gap) * scale + (run.to - run.from - 1) * shape.gap;
		const block = Math.min(shape.width - x, Math.max(width, minWidth));
		if (shape.headHeight) out.heads.push({ day, x, y: out.height, w: block });
		let left = x;
		for (let i = run.from; i < run.to; i++) {
			const w = shape.columns ? tile : clampRatio(ratios[i] ?? 1) * height;
			put(out, i, left, y, w, height);
			left += w + shape.gap;
		}
		x += Math.max(width, minWidth) + dayGap(shape);
	}
	out.rows.push({ y, h: height, from: first.run.from, to: last.run.to });
	out.height = y + height + shape.gap;
	line.days = [];
	line.width = 0;
}

/** Draws a day that fills at least one line by itself. */
function placeRows(out: Layout, placed: Placed, ratios: ArrayLike<number>, shape: Shape) {
	const { run, day } = placed;
	if (shape.headHeight) out.heads.push({ day, x: 0, y: out.height, w: shape.width });
	let y = out.height + shape.headHeight;
	let from = run.from;
	while (from < run.to) {
		const to = shape.columns ? Math.min(run.to, from + shape.columns) : breakRow(ratios, from, run.to, shape);
		const gaps = (to - from - 1) * shape.gap;
		let sum = 0;
		for (let i = from; i < to; i++) sum += clampRatio(ratios[i] ?? 1);
		const fitted = (shape.width - gaps) / sum;
		const ragged = to === run.to && fitted > (shape.continues ? shape.rowHeight * 2 : shape.rowHeight / NEARLY_FULL);
		const h = shape.columns ? squareSide(shape) : ragged ? shape.rowHeight : fitted;
		let x = 0;
		for (let i = from; i < to; i++) {
			const w = shape.columns ? h : clampRatio(ratios[i] ?? 1) * h;
			put(out, i, x, y, w, h);
			x += w + shape.gap;
		}
		out.rows.push({ y, h, from, to });
		y += h + shape.gap;
		from = to;
	}
	out.height = y;
}

/** Where the row ends so that its height comes nearest to the wanted one. */
function breakRow(ratios: ArrayLike<number>, from: number, end: number, shape: Shape): number {
	let sum = 0;
	let before = Infinity;
	for (let i = from; i < end; i++) {
		sum += clampRatio(ratios[i] ?? 1);
		const height = (shape.width - (i - from) * shape.gap) / sum;
		if (height <= shape.rowHeight) {
			const shorterIsNearer = i > from && before - shape.rowHeight < shape.rowHeight - height;
			return shorterIsNearer ? i : i + 1;
		}
		before = height;
	}
	return end;
}

function put(out: Layout, i: number, x: number, y: number, w: number, h: number) {
	out.x[i] = x;
	out.y[i] = y;
	out.w[i] = w;
	out.h[i] = h;
}

/** The rows that touch [top, bottom): indexes into `rows`, end exclusive. */
export function rowsWithin(rows: readonly Row[], top: number, bottom: number): [number, number] {
	let low = 0;
	let high = rows.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		const row = rows[middle];
		if (row && row.y + row.h <= top) low = middle + 1;
		else high = middle;
	}
	let end = low;
	while (end < rows.length && (rows[end]?.y ?? Infinity) < bottom) end++;
	return [low, end];
}

/** The photo one row up (-1) or down (+1) whose middle is nearest to this one's; null at the edge. */
export function neighbourRow(of: Layout, index: number, step: 1 | -1): number | null {
	const at = of.rows.findIndex((row) => index >= row.from && index < row.to);
	const row = of.rows[at + step];
	if (at < 0 || !row) return null;
	return nearestInRow(of, row, (of.x[index] ?? 0) + (of.w[index] ?? 0) / 2);
}

export function nearestInRow(of: Layout, row: Row, middle: number): number {
	let best = row.from;
	for (let i = row.from; i < row.to; i++) {
		const distance = Math.abs((of.x[i] ?? 0) + (of.w[i] ?? 0) / 2 - middle);
		if (distance < Math.abs((of.x[best] ?? 0) + (of.w[best] ?? 0) / 2 - middle)) best = i;
	}
	return best;
}
