import { describe, expect, it } from 'vitest';
import { paired } from '../../src/lib/upload/gather';
import { Speed } from '../../src/lib/upload/speed';

const file = (name: string) => ({ file: new File(['x'], name), handle: null });
const KNOWN = new Set(['.jpg', '.heic', '.mov']);

describe('what was dropped', () => {
	it('joins sidecars to their photos, by either way of naming them', () => {
		const { pairs } = paired([file('A.jpg'), file('a.jpg.xmp'), file('b.HEIC'), file('B.xmp'), file('c.mov')], KNOWN);
		expect(pairs.map((pair) => [pair.file.name, pair.sidecar?.name ?? null])).toEqual([
			['A.jpg', 'a.jpg.xmp'],
			['b.HEIC', 'B.xmp'],
			['c.mov', null]
		]);
	});

	it('names what it does not take', () => {
		const { pairs, refused } = paired([file('notes.txt'), file('.DS_Store'), file('a.jpg')], KNOWN);
		expect(pairs).toHaveLength(1);
		expect(refused).toEqual(['notes.txt', '.DS_Store']);
	});

	it('lets the server decide while its list is not known', () => {
		expect(paired([file('a.raw')], new Set()).pairs).toHaveLength(1);
	});
});

describe('speed', () => {
	it('looks at the last seconds only', () => {
		let now = 0;
		const speed = new Speed(() => now);
		speed.moved(1_000_000);
		now = 10_000;
		speed.moved(4_000_000);
		now = 12_000;
		speed.moved(4_000_000);
		expect(speed.perSecond).toBe(4_000_000);
		speed.reset();
		expect(speed.perSecond).toBe(0);
	});
});
