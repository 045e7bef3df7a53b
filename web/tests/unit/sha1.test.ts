import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hex, Sha1 } from '../../src/lib/upload/sha1';

const text = (words: string) => new TextEncoder().encode(words);

describe('sha1', () => {
	it('knows the vectors of the standard', () => {
		expect(hex(new Sha1().update(text('abc')).digest())).toBe('a9993e364706816aba3e25717850c26c9cd0d89d');
		expect(hex(new Sha1().digest())).toBe('da39a3ee5e6b4b0d3255bfef95601890afd80709');
		expect(hex(new Sha1().update(text('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')).digest())).toBe(
			'84983e441c3bd26ebaae4aa1f95129e5e54670f1'
		);
	});

	it('agrees with the platform for every length around the block border, however it is cut', () => {
		const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 131) & 255);
		for (let length = 0; length <= 200; length++) {
			const part = bytes.subarray(0, length);
			const streamed = new Sha1();
			for (let at = 0; at < length; at += 7) streamed.update(part.subarray(at, Math.min(length, at + 7)));
			expect(hex(streamed.digest())).toBe(createHash('sha1').update(part).digest('hex'));
		}
	});

	it('agrees for megabytes', () => {
		const bytes = new Uint8Array(3_000_001).fill(97);
		expect(hex(new Sha1().update(bytes.subarray(0, 1_000_003)).update(bytes.subarray(1_000_003)).digest())).toBe(
			createHash('sha1').update(bytes).digest('hex')
		);
	});
});
