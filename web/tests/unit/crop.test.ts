import { describe, expect, it } from 'vitest';
import { cropOf, moved, sized, STEP } from '../../src/lib/viewer/crop';

describe('a face cut out of its photo', () => {
	it('has its middle in the middle of the frame', () => {
		const crop = cropOf({ x: 0.5, y: 0.4, width: 0.1, height: 0.2 }, 2);
		expect(crop.x + 0.55 * crop.width).toBeCloseTo(0.5);
		expect(crop.y + 0.5 * crop.height).toBeCloseTo(0.5);
		expect(crop.width / crop.height).toBeCloseTo(2);
	});

	it('never shows what lies beside the photo', () => {
		for (const box of [{ x: 0, y: 0, width: 0.05, height: 0.05 }, { x: 0.9, y: 0.9, width: 0.1, height: 0.1 }, { x: 0, y: 0, width: 1, height: 1 }])
			for (const ratio of [0.5, 1, 3]) {
				const crop = cropOf(box, ratio);
				expect(Math.max(crop.x, crop.y)).toBeLessThanOrEqual(1e-9);
				expect(Math.min(crop.x + crop.width, crop.y + crop.height)).toBeGreaterThanOrEqual(1 - 1e-9);
			}
	});
});

describe('a box drawn by keys', () => {
	it('stays on the photo and never vanishes', () => {
		let box = { x: 0.4, y: 0.35, width: 0.2, height: 0.3 };
		for (let press = 0; press < 80; press++) box = moved(box, STEP, STEP);
		expect([box.x, box.y]).toEqual([0.8, 0.7]);
		for (let press = 0; press < 80; press++) box = sized(box, -STEP, STEP);
		expect(box.width).toBe(STEP);
		expect(box.y + box.height).toBeLessThanOrEqual(1);
	});
});
