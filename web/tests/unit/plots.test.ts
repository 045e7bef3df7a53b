import { describe, expect, it } from 'vitest';
import { depthPlot, diskPlot, forecast, HIGH, uploadBars, WIDE } from '../../src/lib/admin/plots';

const TODAY = Date.parse('2026-03-31T12:00:00Z');

describe('plots', () => {
	it('draws what was noted and leaves gaps where nothing was', () => {
		const { line, most } = depthPlot([{ at: 0, open: 4 }, { at: 60, open: 8 }, { at: 600, open: 0 }], 0, 600);
		expect(most).toBe(8);
		expect(line.match(/M/g)).toHaveLength(2);
		expect(line).toContain(`M${WIDE.toFixed(1)}`);
	});

	it('has a bar for each day, today last, small days still to be seen', () => {
		const bars = uploadBars([{ day: '2026-03-31', files: 1, bytes: 1 }, { day: '2026-03-30', files: 10_000, bytes: 1 }], TODAY);
		expect(bars).toHaveLength(90);
		expect(bars.at(-1)).toMatchObject({ day: '2026-03-31', files: 1, height: 2 });
		expect(bars.at(-2)!.height).toBeCloseTo(HIGH - 6);
	});

	it('foresees by the last 30 days, and by less where there was less', () => {
		const month = forecast([{ day: '2025-01-01', files: 1, bytes: 1e12 }, { day: '2026-03-20', files: 1, bytes: 30e9 }], 100e9, TODAY);
		expect(month.bytesPerDay).toBeCloseTo(1e9);
		expect(month.daysLeft).toBeCloseTo(100);
		const young = forecast([{ day: '2026-03-30', files: 1, bytes: 4e9 }], 100e9, TODAY);
		expect(young.bytesPerDay).toBeCloseTo(2e9);
		expect(forecast([], 1, TODAY).daysLeft).toBeNull();
	});

	it('is flat once the disk is full', () => {
		expect(diskPlot(50, 100, 100 / 365).line).toContain(`L${WIDE / 2}.0 4.0L${WIDE} 4.0`);
		expect(diskPlot(50, 100, 0).line).toContain(`L${WIDE} `);
	});
});
