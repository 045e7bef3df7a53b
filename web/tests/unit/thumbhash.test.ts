import { describe, expect, it } from 'vitest';
import { decode, mean } from '../../src/lib/grid/thumbhash';

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

	it('paints the same picture at any size, and its mean is the mean', () => {
		const pixels = decode(REAL, 32)!;
		const sums = [0, 0, 0];
		pixels.rgba.forEach((value, i) => i % 4 < 3 && (sums[i % 4]! += value));
		const colour = mean(REAL)!;
		for (const channel of [0, 1, 2]) expect(Math.abs(sums[channel]! / (pixels.rgba.length / 4) - colour[channel]!)).toBeLessThan(12);
	});

	it('keeps each wave where it belongs', () => {
		const left = decode(REAL, 32)!;
		// Rows and columns differ: a decoder that mixes them up paints a picture without any.
		const at = (x: number, y: number) => left.rgba[(y * left.width + x) * 4]!;
		expect(at(0, 0)).not.toBe(at(31, 0));
		expect(at(0, 0)).not.toBe(at(0, left.height - 1));
	});

	it('says no to what is none', () => {
		expect(mean('!!!')).toBeNull();
		expect(decode('')).toBeNull();
		expect(decode('!!!')).toBeNull();
		expect(decode('AA==')).toBeNull();
	});
});
