import { describe, expect, it } from 'vitest';
import type { Queue, Settings } from '../../src/lib/api/house';
import { changed, read, write } from '../../src/lib/admin/fields';
import { Rates } from '../../src/lib/admin/rates';

const queue = (waiting: number): Queue => ({
	name: 'thumbnailGeneration',
	isPaused: false,
	statistics: { active: 0, completed: 0, failed: 0, delayed: 0, waiting, paused: 0 }
});

describe('a queue', () => {
	it('tells how long it will take, from how fast it shrinks', () => {
		let now = 0;
		const rates = new Rates(() => now);
		rates.look([queue(1000)]);
		expect(rates.secondsLeft(queue(1000))).toBeNull();
		now = 10_000;
		rates.look([queue(800)]);
		expect(rates.perSecond('thumbnailGeneration')).toBe(20);
		expect(rates.secondsLeft(queue(800))).toBe(40);
	});

	it('promises nothing while it grows', () => {
		let now = 0;
		const rates = new Rates(() => now);
		rates.look([queue(10)]);
		now = 10_000;
		rates.look([queue(500)]);
		expect(rates.secondsLeft(queue(500))).toBeNull();
	});
});

describe('settings', () => {
	const tree = { trash: { days: 30, enabled: true } } as unknown as Settings;

	it('change by one leaf, the old tree kept', () => {
		const next = write(tree, 'trash.days', 7);
		expect(read(next, 'trash.days')).toBe(7);
		expect(read(tree, 'trash.days')).toBe(30);
		expect(read(next, 'trash.enabled')).toBe(true);
		expect(changed(next, tree, 'trash.days')).toBe(true);
		expect(changed(next, tree, 'trash.enabled')).toBe(false);
		expect(read(tree, 'no.such.leaf')).toBeUndefined();
	});
});
