import { describe, expect, it } from 'vitest';
import { estimate, layout, neighbourRow, rowsWithin, type Shape } from '../../src/lib/grid/layout';

const wide: Shape = { width: 1200, rowHeight: 220, columns: null, gap: 4, headHeight: 40 };
const phone: Shape = { width: 390, rowHeight: 0, columns: 4, gap: 2, headHeight: 40 };
const mixed = Array.from({ length: 60 }, (_, i) => [1.5, 0.75, 1, 1.33, 1.78][i % 5] ?? 1);

describe('layout', () => {
	it('fills every full row to the edge and keeps heights near the target', () => {
		const laid = layout(mixed, [{ from: 0, to: 60 }], wide);
		for (const row of laid.rows.slice(0, -1)) {
			const last = row.to - 1;
			expect(laid.x[last]! + laid.w[last]!).toBeCloseTo(1200, 1);
			expect(row.h).toBeGreaterThan(150);
			expect(row.h).toBeLessThan(320);
		}
	});

	it('places every photo exactly once, in order', () => {
		const laid = layout(mixed, [{ from: 0, to: 25 }, { from: 25, to: 60 }], wide);
		expect(laid.rows.flatMap((row) => Array.from({ length: row.to - row.from }, (_, i) => row.from + i))).toEqual(mixed.map((_, i) => i));
	});

	it('keeps the aspect of photos', () => {
		const laid = layout(mixed, [{ from: 0, to: 60 }], wide);
		mixed.forEach((ratio, i) => expect(laid.w[i]! / laid.h[i]!).toBeCloseTo(ratio, 2));
	});

	it('lets small days share a line', () => {
		const laid = layout([1.5, 1.5, 0.75], [{ from: 0, to: 1 }, { from: 1, to: 2 }, { from: 2, to: 3 }], wide);
		expect(laid.rows).toHaveLength(1);
		expect(laid.heads.map((head) => head.y)).toEqual([0, 0, 0]);
		expect(laid.heads[1]!.x).toBeGreaterThan(laid.w[0]!);
	});

	it('never draws past the edge, however narrow the room', () => {
		for (const width of [280, 390, 733, 2560]) {
			const laid = layout(mixed, [{ from: 0, to: 3 }, { from: 3, to: 4 }, { from: 4, to: 60 }], { ...wide, width });
			mixed.forEach((_, i) => expect(laid.x[i]! + laid.w[i]!).toBeLessThanOrEqual(width + 0.5));
		}
	});

	it('draws squares in columns on a phone', () => {
		const laid = layout(mixed, [{ from: 0, to: 60 }], phone);
		expect(laid.w[0]).toBeCloseTo((390 - 6) / 4);
		expect(laid.h[0]).toBe(laid.w[0]);
		expect(laid.rows).toHaveLength(15);
	});

	it('keeps small days on the columns of a phone', () => {
		const laid = layout([1, 1, 1], [{ from: 0, to: 1 }, { from: 1, to: 3 }], phone);
		const side = (390 - 6) / 4;
		expect([...laid.x]).toEqual([0, 2, 3].map((column) => expect.closeTo(column * (side + 2), 2)));
		expect(laid.rows).toHaveLength(1);
	});

	it('survives unknown and absurd ratios', () => {
		const laid = layout([0, NaN, 100, 0.001], [{ from: 0, to: 4 }], wide);
		for (let i = 0; i < 4; i++) expect(laid.w[i]).toBeGreaterThan(0);
	});

	it('has no height without photos', () => {
		expect(layout([], [], wide).height).toBe(0);
		expect(estimate(0, wide)).toBe(0);
	});
});

describe('estimate', () => {
	it('is within a third of the truth for a full month', () => {
		const ratios = Array.from({ length: 2400 }, (_, i) => mixed[i % 60]!);
		const days = Array.from({ length: 30 }, (_, i) => ({ from: i * 80, to: (i + 1) * 80 }));
		for (const shape of [wide, phone]) {
			const truth = layout(ratios, days, shape).height;
			expect(estimate(2400, shape) / truth).toBeGreaterThan(0.67);
			expect(estimate(2400, shape) / truth).toBeLessThan(1.5);
		}
	});
});

describe('rows', () => {
	const laid = layout(mixed, [{ from: 0, to: 60 }], wide);

	it('are found by position', () => {
		const [from, to] = rowsWithin(laid.rows, laid.rows[2]!.y + 1, laid.rows[4]!.y + 1);
		expect([from, to]).toEqual([2, 5]);
	});

	it('lead to the photo nearest below and above', () => {
		const below = neighbourRow(laid, 0, 1)!;
		expect(below).toBe(laid.rows[1]!.from);
		expect(neighbourRow(laid, below, -1)).toBe(0);
		expect(neighbourRow(laid, 0, -1)).toBeNull();
	});
});
