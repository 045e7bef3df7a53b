// Numbers over time as SVG paths, and what the disk will do. Pure: numbers in, paths and days out.

import type { History } from '$lib/api/house';

export const WIDE = 320;
export const HIGH = 84;
const DAY_MS = 86_400_000;

type Depths = History['depths'];
type Uploads = History['uploads'];

/** A line through what was noted between `from` and `to` (Unix seconds), with the area below; gaps stay gaps. */
export function depthPlot(depths: Depths, from: number, to: number): { line: string; area: string; most: number } {
	const most = Math.max(1, ...depths.map((each) => each.open));
	const x = (at: number) => ((at - from) / (to - from)) * WIDE;
	const y = (open: number) => HIGH - 2 - (open / most) * (HIGH - 8);
	const runs: Depths[] = [];
	for (const each of depths.filter(({ at }) => at >= from && at <= to)) {
		const run = runs.at(-1);
		const before = run?.at(-1);
		// The server slept for more than three minutes: nothing is known about that time.
		if (run && before && each.at - before.at <= 180) run.push(each);
		else runs.push([each]);
	}
	const lineOf = (run: Depths) => run.map((each, i) => `${i ? 'L' : 'M'}${x(each.at).toFixed(1)} ${y(each.open).toFixed(1)}`).join('');
	const line = runs.map(lineOf).join('');
	const area = runs.map((run) => `${lineOf(run)}L${x(run.at(-1)?.at ?? from).toFixed(1)} ${HIGH}L${x(run[0]?.at ?? from).toFixed(1)} ${HIGH}Z`).join('');
	return { line, area, most };
}

export type Bar = { day: string; x: number; width: number; height: number; files: number };

/** One bar a day, the last one today. Small days next to a large import stay visible. */
export function uploadBars(uploads: Uploads, todayMs: number, days = 90): Bar[] {
	const files = new Map(uploads.map((each) => [each.day, each.files]));
	const most = Math.sqrt(Math.max(1, ...files.values()));
	const width = WIDE / days;
	return Array.from({ length: days }, (_, i) => {
		const day = new Date(todayMs - (days - 1 - i) * DAY_MS).toISOString().slice(0, 10);
		const count = files.get(day) ?? 0;
		return { day, x: i * width, width: Math.max(1, width - 1), height: count ? Math.max(2, (Math.sqrt(count) / most) * (HIGH - 6)) : 0, files: count };
	});
}

export type Forecast = { bytesPerDay: number; daysLeft: number | null };

/** How long the room lasts at the pace of the last 30 days; of a younger library, at its pace since its first day. */
export function forecast(uploads: Uploads, freeBytes: number, todayMs: number): Forecast {
	const since = todayMs - 30 * DAY_MS;
	const lately = uploads.filter((each) => Date.parse(each.day) > since);
	const first = uploads[0] ? Date.parse(uploads[0].day) : todayMs;
	const span = Math.min(30, Math.max(1, Math.ceil((todayMs - Math.max(first, since)) / DAY_MS)));
	const bytesPerDay = lately.reduce((sum, each) => sum + each.bytes, 0) / span;
	return { bytesPerDay, daysLeft: bytesPerDay > 0 ? freeBytes / bytesPerDay : null };
}

/** The year ahead: the disk's fill from now (left) to a year from now, flat once it is full. */
export function diskPlot(used: number, size: number, bytesPerDay: number): { line: string; area: string } {
	const y = (share: number) => HIGH - Math.min(1, share) * (HIGH - 4);
	const now = used / size;
	const later = (used + bytesPerDay * 365) / size;
	const fullAt = later > 1 ? ((1 - now) / (later - now)) * WIDE : WIDE;
	const line = `M0 ${y(now).toFixed(1)}L${fullAt.toFixed(1)} ${y(later).toFixed(1)}L${WIDE} ${y(later).toFixed(1)}`;
	return { line, area: `${line}L${WIDE} ${HIGH}L0 ${HIGH}Z` };
}
