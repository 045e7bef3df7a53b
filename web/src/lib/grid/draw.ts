// What of a wall is on screen: months, day headings and tiles with their boxes, relative to their month.

import { rowsWithin } from './layout';
import type { Day, Photo } from './photo';
import { MONTH_HEAD_PX, type Month } from './timeline.svelte';
import { within } from './window';

export type Tile = { photo: Photo; index: number; x: number; y: number; w: number; h: number };
export type DayHead = { day: Day; x: number; y: number; w: number };
export type DrawnMonth = {
	key: string;
	month: Month;
	/** Physical position in the scroll element. */
	top: number;
	height: number;
	/** How many photos stand before this month on the whole wall. */
	before: number;
	heads: DayHead[];
	tiles: Tile[];
	/** True until the photos are there: the room is shown, empty. */
	isBlank: boolean;
};

/** The months touching [top, bottom) of the wall, cut down to the rows in between. */
export function draw(months: readonly Month[], offset: number, top: number, bottom: number, hasDays: boolean): DrawnMonth[] {
	const headPx = hasDays ? MONTH_HEAD_PX : 0;
	const [from, to] = within(months, top, bottom);
	let before = 0;
	for (let i = 0; i < from; i++) before += months[i]?.count ?? 0;
	return months.slice(from, to).map((month) => {
		const drawn: DrawnMonth = {
			key: month.key,
			month,
			top: month.top - offset,
			height: month.height,
			before,
			heads: [],
			tiles: [],
			isBlank: month.photos === null
		};
		before += month.count;
		fill(drawn, month, headPx, top - month.top - headPx, bottom - month.top - headPx);
		return drawn;
	});
}

function fill(drawn: DrawnMonth, month: Month, headPx: number, top: number, bottom: number) {
	const laid = month.layout;
	const photos = month.photos;
	if (!laid || !photos) return;
	const [first, end] = rowsWithin(laid.rows, top, bottom);
	for (const row of laid.rows.slice(first, end))
		for (let index = row.from; index < row.to; index++) {
			const photo = photos[index];
			if (!photo) continue;
			drawn.tiles.push({
				photo,
				index,
				x: laid.x[index] ?? 0,
				y: (laid.y[index] ?? 0) + headPx,
				w: laid.w[index] ?? 0,
				h: laid.h[index] ?? 0
			});
		}
	for (const head of laid.heads) {
		const day = month.days[head.day];
		if (day && head.y > top - 100 && head.y < bottom) drawn.heads.push({ day, x: head.x, y: head.y + headPx, w: head.w });
	}
}
