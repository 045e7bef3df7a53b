import { describe, expect, it } from 'vitest';
import { monthAt, ticks, type Month } from '../../src/lib/grid/scrub';
import { stack } from '../../src/lib/grid/window';

const months: Month[] = [
	['2024-03-01', 600, 3000],
	['2024-01-01', 100, 500],
	['2023-12-01', 10, 60],
	['2015-05-01', 900, 4500]
].map(([key, count, height]) => ({ key: String(key), count: Number(count), height: Number(height), top: 0 }));
const total = stack(months);

describe('the scrubber', () => {
	it('has one tick a year, where the year begins, with its count', () => {
		const years = ticks(months, total, 600);
		expect(years.map((tick) => [tick.year, tick.count])).toEqual([[2024, 700], [2023, 10], [2015, 900]]);
		expect(years[2]!.at).toBeCloseTo(3560 / 8060);
	});

	it('labels big years first where labels would touch', () => {
		const years = ticks(months, total, 600);
		expect(years.find((tick) => tick.year === 2015)!.isLabelled).toBe(true);
		expect(years.find((tick) => tick.year === 2023)!.isLabelled).toBe(false);
	});

	it('finds the month under a place on the strip', () => {
		expect(monthAt(months, total, 0).month!.key).toBe('2024-03-01');
		expect(monthAt(months, total, 1).month!.key).toBe('2015-05-01');
		expect(monthAt(months, total, 3200 / total).month!.key).toBe('2024-01-01');
		expect(monthAt([], 0, 0.5).month).toBeNull();
	});
});
