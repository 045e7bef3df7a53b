import { describe, expect, it } from 'vitest';
import { anchor, MAX_PHYSICAL, mustMove, physicalHeight, sectionAt, stack, within } from '../../src/lib/grid/window';

const spans = (heights: number[]) => {
	const made = heights.map((height) => ({ top: 0, height }));
	stack(made);
	return made;
};

describe('sections', () => {
	it('are found by position, the ends included', () => {
		const all = spans([100, 200, 300]);
		expect(sectionAt(all, -5)).toBe(0);
		expect(sectionAt(all, 100)).toBe(1);
		expect(sectionAt(all, 299)).toBe(1);
		expect(sectionAt(all, 9999)).toBe(2);
		expect(within(all, 50, 301)).toEqual([0, 3]);
		expect(within(all, 100, 300)).toEqual([1, 2]);
		expect(within([], 0, 100)).toEqual([0, 0]);
	});
});

describe('a wall taller than browsers allow', () => {
	// 1,000,000 photos in three columns of a phone: 130 px a row.
	const total = 43_000_000;
	const viewport = 800;

	it('is exact at both ends', () => {
		expect(anchor(0, total, viewport)).toEqual({ scrollTop: 0, offset: 0 });
		const end = anchor(total, total, viewport);
		expect(end.scrollTop + end.offset).toBe(total - viewport);
		expect(physicalHeight(total, end.offset, viewport)).toBe(MAX_PHYSICAL);
		expect(end.scrollTop).toBe(MAX_PHYSICAL - viewport);
	});

	it('shows the asked position from anywhere, inside the physical height', () => {
		for (const at of [1, 3_999_999, 4_000_001, 21_000_000, total - 4_000_001, total - 900]) {
			const placed = anchor(at, total, viewport);
			expect(placed.scrollTop + placed.offset).toBe(at);
			expect(placed.scrollTop).toBeGreaterThanOrEqual(0);
			expect(placed.scrollTop).toBeLessThanOrEqual(MAX_PHYSICAL - viewport);
			expect(mustMove(placed.scrollTop, placed.offset, total, viewport)).toBe(false);
		}
	});

	it('asks to be moved before the finger hits an end that is none', () => {
		const placed = anchor(21_000_000, total, viewport);
		expect(mustMove(1000, placed.offset, total, viewport)).toBe(true);
		expect(mustMove(MAX_PHYSICAL - 2 * viewport, placed.offset, total, viewport)).toBe(true);
	});
});

describe('a small wall', () => {
	it('needs no offset and is never moved', () => {
		expect(anchor(500, 2000, 800)).toEqual({ scrollTop: 500, offset: 0 });
		expect(anchor(5000, 2000, 800)).toEqual({ scrollTop: 1200, offset: 0 });
		expect(mustMove(0, 0, 2000, 800)).toBe(false);
		expect(mustMove(1200, 0, 2000, 800)).toBe(false);
	});

	it('is moved back to its true top when heights above have changed', () => {
		expect(mustMove(300, -500, 9000, 800)).toBe(true);
		expect(mustMove(300, 500, 9000, 800)).toBe(true);
	});
});
