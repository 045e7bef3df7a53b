// Streaming SHA-1 (RFC 3174). The browser's own digest wants the whole file in memory and exists only on
// https pages; a 20 GB video on a home network gets this one.

export class Sha1 {
	private h0 = 0x67452301;
	private h1 = 0xefcdab89 | 0;
	private h2 = 0x98badcfe | 0;
	private h3 = 0x10325476;
	private h4 = 0xc3d2e1f0 | 0;
	private readonly block = new Uint8Array(64);
	private readonly words = new Int32Array(80);
	private filled = 0;
	private length = 0;

	update(bytes: Uint8Array): this {
		this.length += bytes.length;
		let at = 0;
		if (this.filled > 0) {
			const taken = Math.min(64 - this.filled, bytes.length);
			this.block.set(bytes.subarray(0, taken), this.filled);
			this.filled += taken;
			at = taken;
			if (this.filled < 64) return this;
			this.compress(this.block, 0);
			this.filled = 0;
		}
		for (; at + 64 <= bytes.length; at += 64) this.compress(bytes, at);
		this.block.set(bytes.subarray(at), 0);
		this.filled = bytes.length - at;
		return this;
	}

	/** The 20 bytes. The object is spent afterwards. */
	digest(): Uint8Array {
		const bits = this.length * 8;
		const tail = new Uint8Array(this.filled < 56 ? 64 : 128);
		tail.set(this.block.subarray(0, this.filled));
		tail[this.filled] = 0x80;
		const view = new DataView(tail.buffer);
		view.setUint32(tail.length - 8, Math.floor(bits / 2 ** 32));
		view.setUint32(tail.length - 4, bits >>> 0);
		for (let at = 0; at < tail.length; at += 64) this.compress(tail, at);
		const out = new Uint8Array(20);
		const words = new DataView(out.buffer);
		[this.h0, this.h1, this.h2, this.h3, this.h4].forEach((word, i) => words.setInt32(i * 4, word));
		return out;
	}

	private compress(bytes: Uint8Array, at: number) {
		const w = this.words;
		for (let i = 0; i < 16; i++, at += 4)
			w[i] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
		for (let i = 16; i < 80; i++) {
			const mixed = w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!;
			w[i] = (mixed << 1) | (mixed >>> 31);
		}
		let a = this.h0;
		let b = this.h1;
		let c = this.h2;
		let d = this.h3;
		let e = this.h4;
		for (let i = 0; i < 80; i++) {
			let f: number;
			if (i < 20) f = ((b & c) | (~b & d)) + 0x5a827999;
			else if (i < 40) f = (b ^ c ^ d) + 0x6ed9eba1;
			else if (i < 60) f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
			else f = (b ^ c ^ d) + 0xca62c1d6;
			const next = (((a << 5) | (a >>> 27)) + f + e + w[i]!) | 0;
			e = d;
			d = c;
			c = (b << 30) | (b >>> 2);
			b = a;
			a = next;
		}
		this.h0 = (this.h0 + a) | 0;
		this.h1 = (this.h1 + b) | 0;
		this.h2 = (this.h2 + c) | 0;
		this.h3 = (this.h3 + d) | 0;
		this.h4 = (this.h4 + e) | 0;
	}
}

export function hex(bytes: Uint8Array): string {
	let text = '';
	for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
	return text;
}
