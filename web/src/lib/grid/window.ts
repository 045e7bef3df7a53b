// Which part of a million photos to draw, and how a wall taller than any browser allows is scrolled.
// `wall` positions count from the top of the first month; `physical` ones are what the scroll element knows.
// physical = wall − offset. Heights above the viewport may change: the offset takes it, nothing on screen moves.

/** Browsers stop counting between 17 and 33 million px (Firefox lowest); we stay far below. */
export const MAX_PHYSICAL = 8_000_000;

export type Span = { top: number; height: number };

/** First and last (exclusive) of the sections that touch [top, bottom). `spans` are contiguous, in order. */
export function within(spans: readonly Span[], top: number, bottom: number): [number, number] {
	const first = sectionAt(spans, top);
	let end = first;
	while (end < spans.length && (spans[end]?.top ?? Infinity) < bottom) end++;
	return [first, end];
}

/** The section that holds this position; the nearest one beyond the ends. */
export function sectionAt(spans: readonly Span[], position: number): number {
	let low = 0;
	let high = spans.length - 1;
	while (low < high) {
		const middle = (low + high) >> 1;
		const span = spans[middle];
		if (span && span.top + span.height <= position) low = middle + 1;
		else high = middle;
	}
	return Math.max(0, low);
}

/** Tops from heights. Returns the total. */
export function stack(spans: Span[]): number {
	let top = 0;
	for (const span of spans) {
		span.top = top;
		top += span.height;
	}
	return top;
}

export type Anchored = { scrollTop: number; offset: number };

/**
 * Where the scroll element should stand to show `wallTop`: exact at both ends, and with at least half of the
 * allowed height in either direction from anywhere in between, so that this is needed again only rarely.
 */
export function anchor(wallTop: number, total: number, viewport: number, cap = MAX_PHYSICAL): Anchored {
	const end = Math.max(0, total - viewport);
	const at = Math.min(Math.max(0, wallTop), end);
	if (total <= cap || at < cap / 2) return { scrollTop: at, offset: 0 };
	if (at > total - cap / 2) return { scrollTop: at - (total - cap), offset: total - cap };
	return { scrollTop: cap / 2, offset: at - cap / 2 };
}

/** How tall the scroll element's content has to be for this offset. */
export function physicalHeight(total: number, offset: number, viewport: number, cap = MAX_PHYSICAL): number {
	return Math.max(viewport, Math.min(total - offset, Math.max(cap, viewport)));
}

/** True when the finger is about to hit an end that is not the end of the wall. */
export function mustMove(scrollTop: number, offset: number, total: number, viewport: number, cap = MAX_PHYSICAL): boolean {
	const runway = viewport * 3;
	const wallTop = scrollTop + offset;
	const nearTop = scrollTop < runway && offset !== 0;
	const below = physicalHeight(total, offset, viewport, cap) - scrollTop - viewport;
	const nearEnd = below < runway && total - wallTop - viewport > below + 1;
	return nearTop || nearEnd || wallTop < 0;
}
