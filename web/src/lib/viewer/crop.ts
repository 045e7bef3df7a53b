// Boxes round faces: cut out of the photo by CSS alone, moved and sized by keys. Pure.

import type { Box } from './seen.svelte';

/** How much more than the face itself is shown. */
const AIR = 1.5;

/** For a square frame of side 1: how large the picture is drawn, and where its corner lies. `ratio` is the picture's. */
export function cropOf(box: Box, ratio: number): { width: number; height: number; x: number; y: number } {
	const side = Math.min(ratio, 1, AIR * Math.max(box.width * ratio, box.height));
	const within = (middle: number, length: number) => Math.min(length - side, Math.max(0, middle - side / 2));
	const x = within((box.x + box.width / 2) * ratio, ratio);
	const y = within(box.y + box.height / 2, 1);
	return { width: ratio / side, height: 1 / side, x: -x / side, y: -y / side };
}

/** One press of an arrow key, as a share of the picture. */
export const STEP = 0.02;
const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

export const moved = (box: Box, dx: number, dy: number): Box => ({ ...box, x: clamp(box.x + dx, 0, 1 - box.width), y: clamp(box.y + dy, 0, 1 - box.height) });

export const sized = (box: Box, dx: number, dy: number): Box => ({ ...box, width: clamp(box.width + dx, STEP, 1 - box.x), height: clamp(box.height + dy, STEP, 1 - box.y) });
