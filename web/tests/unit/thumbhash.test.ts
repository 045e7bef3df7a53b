import { describe, expect, it } from 'vitest';
import { decode } from '../../src/lib/grid/thumbhash';

// Seen on a server for a phone photo of 4032 × 3024.
const REAL = 'lecFFYKNZ4udOZefirkmiolgmgjH';

describe('thumbhash', () => {
	it('decodes a real one into a picture of the right shape', () => {
		const pixels = decode(REAL, 32)!;
		expect(pixels.width).toBe(32);
		expect(pixels.height).toBeGreaterThan(15);
		expect(pixels.height).toBeLessThan(33);
		const alphas = pixels.rgba.filter((_, i) => i % 4 === 3);
		expect(Math.min(...alphas)).toBe(255);
	});

	it('shows the average colour it was made from', () => {
		// L = 1, P = Q = 0, no waves: white.
		const white = btoa(String.fromCharCode(0x3f, 0xf8, 0x01 | 0x00, 0x03, 0x80, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88));
		const pixels = decode(white, 8)!;
		expect(pixels.rgba[0]).toBeGreaterThan(240);
	});

	it('says no to what is none', () => {
		expect(decode('')).toBeNull();
		expect(decode('!!!')).toBeNull();
		expect(decode('AA==')).toBeNull();
	});
});
