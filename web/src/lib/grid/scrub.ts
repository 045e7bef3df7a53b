// Scroll position ↔ date, for the strip along the edge.

import type { Span } from './window';

export type Month = Span & { key: string; count: number };
export type Tick = { key: string; year: number; at: number; count: number; isLabelled: boolean };

/** Smallest distance between two year labels. */
const LABEL_PX = 22;

/** One tick a year at the place where its newest month begins, as a fraction of the wall. */
export function ticks(months: readonly Month[], total: number, track: number): Tick[] {
	const years: Tick[] = [];
	for (const month of months) {
		const year = Number(month.key.slice(0, 4));
		const last = years.at(-1);
		if (last && last.year === year) last.count += month.count;
		else years.push({ key: month.key, year, at: total ? month.top / total : 0, count: month.count, isLabelled: false });
	}
	// Big years get their label first; a small one only where there is room left.
	const drawn: number[] = [];
	for (const tick of [...years].sort((a, b) => b.count - a.count)) {
		const y = tick.at * track;
		if (drawn.every((other) => Math.abs(other - y) >= LABEL_PX)) {
			tick.isLabelled = true;
			drawn.push(y);
		}
	}
	return years;
}

/** The month under this fraction of the strip, and the wall position it stands for. */
export function monthAt(months: readonly Month[], total: number, fraction: number): { month: Month | null; wall: number } {
	const wall = Math.min(1, Math.max(0, fraction)) * total;
	let low = 0;
	let high = months.length - 1;
	while (low < high) {
		const middle = (low + high) >> 1;
		const month = months[middle];
		if (month && month.top + month.height <= wall) low = middle + 1;
		else high = middle;
	}
	return { month: months[low] ?? null, wall };
}
