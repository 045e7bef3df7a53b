import { describe, expect, it } from 'vitest';
import { confine, fitted, pinch, swipe, toggled, wheelFactor, WHOLE, zoomAt } from '../../src/lib/viewer/zoom';

const room = { width: 1000, height: 800 };
const picture = { width: 4000, height: 3000 };
const shown = fitted(picture, room);

describe('zoom', () => {
	it('fits the whole picture first', () => {
		expect(shown).toEqual({ width: 1000, height: 750 });
		expect(fitted({ width: 0, height: 0 }, room)).toEqual(room);
	});

	it('keeps the spot under the pointer where it is', () => {
		const at = { x: 200, y: 100 };
		const view = zoomAt(WHOLE, 3, at, shown, room);
		expect((at.x - view.x) / view.scale).toBeCloseTo(200);
		expect((at.y - view.y) / view.scale).toBeCloseTo(100);
	});

	it('never goes below the whole nor beyond the most', () => {
		expect(zoomAt(WHOLE, 0.2, { x: 0, y: 0 }, shown, room)).toEqual(WHOLE);
		expect(zoomAt(WHOLE, 1000, { x: 0, y: 0 }, shown, room).scale).toBe(12);
	});

	it('does not let the edge into the room', () => {
		expect(confine({ scale: 2, x: 9999, y: -9999 }, shown, room)).toEqual({ scale: 2, x: 500, y: -350 });
		expect(confine({ scale: 1, x: 50, y: 50 }, shown, room)).toEqual(WHOLE);
	});

	it('double click goes to the pixels and back', () => {
		const close = toggled(WHOLE, { x: 0, y: 0 }, picture, shown, room);
		expect(close.scale).toBe(4);
		expect(toggled(close, { x: 0, y: 0 }, picture, shown, room)).toEqual(WHOLE);
	});

	it('two fingers moving apart zoom about their middle', () => {
		const view = pinch(WHOLE, [{ x: -50, y: 0 }, { x: 50, y: 0 }], [{ x: -100, y: 0 }, { x: 100, y: 0 }], shown, room);
		expect(view).toEqual({ scale: 2, x: 0, y: 0 });
	});

	it('a notch of any wheel is a gentle step', () => {
		expect(wheelFactor(-100, 0)).toBeCloseTo(Math.exp(1 / 3));
		expect(wheelFactor(3, 1)).toBeLessThan(1);
		expect(wheelFactor(10000, 0)).toBeGreaterThan(0.6);
	});

	it('tells swipes apart', () => {
		expect(swipe(-80, 10, 120, room)).toBe('next');
		expect(swipe(80, 10, 120, room)).toBe('previous');
		expect(swipe(5, 200, 250, room)).toBe('close');
		expect(swipe(5, -200, 250, room)).toBe('details');
		expect(swipe(60, 0, 900, room)).toBeNull();
	});
});
