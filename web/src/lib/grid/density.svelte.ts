// How large photos are on the wall: a wish kept on this device, and what it means at a given width.

import { Saved } from '$lib/state/saved.svelte';
import type { Shape } from './layout';

/** From many small to few large photos; 0 is what we think is best. */
export const DENSITIES = [-2, 2] as const;
export const density = new Saved<number>('density', 0);

const PHONE_PX = 640;
const ROW_PX = 220;
const ROW_STEP_PX = 52;
const PHONE_COLUMNS = 4;

export function shapeFor(width: number, wish: number): Shape {
	if (width < PHONE_PX)
		return { width, rowHeight: 0, columns: Math.min(6, Math.max(2, PHONE_COLUMNS - wish)), gap: 2, headHeight: 40 };
	return { width, rowHeight: ROW_PX + wish * ROW_STEP_PX, columns: null, gap: 4, headHeight: 40 };
}
