// Decodes a ThumbHash (evanw/thumbhash, public domain format) into a few hundred pixels.

export type Pixels = { width: number; height: number; rgba: Uint8ClampedArray<ArrayBuffer> };

export function fromBase64(text: string): Uint8Array {
	const binary = atob(text);
	const bytes = new Uint8Array(binary.length);
	for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
	return bytes;
}

/** Pixels of the placeholder, its longer side `size` px. Null when the text is no thumbhash. */
export function decode(base64: string, size = 20): Pixels | null {
	let bytes: Uint8Array;
	try {
		bytes = fromBase64(base64);
	} catch {
		return null;
	}
	if (bytes.length < 5) return null;
	const at = (i: number) => bytes[i] ?? 0;
	const head = at(0) | (at(1) << 8) | (at(2) << 16);
	const flags = at(3) | (at(4) << 8);
	const hasAlpha = head >> 23 !== 0;
	const isLandscape = flags >> 15 !== 0;
	const lx = Math.max(3, isLandscape ? (hasAlpha ? 5 : 7) : flags & 7);
	const ly = Math.max(3, isLandscape ? flags & 7 : hasAlpha ? 5 : 7);
	let cursor = (hasAlpha ? 6 : 5) * 2;
	const channel = (nx: number, ny: number, scale: number): number[] => {
		const terms: number[] = [];
		for (let cy = 0; cy < ny; cy++)
			for (let cx = cy ? 0 : 1; cx * ny < nx * (ny - cy); cx++) {
				const nibble = (at(cursor >> 1) >> ((cursor & 1) * 4)) & 15;
				cursor++;
				terms.push((nibble / 7.5 - 1) * scale);
			}
		return terms;
	};
	const lDc = (head & 63) / 63;
	const pDc = ((head >> 6) & 63) / 31.5 - 1;
	const qDc = ((head >> 12) & 63) / 31.5 - 1;
	const lAc = channel(lx, ly, ((head >> 18) & 31) / 31);
	// The format boosts chroma a little to make up for what quantising takes away.
	const pAc = channel(3, 3, (((flags >> 3) & 63) / 63) * 1.25);
	const qAc = channel(3, 3, (((flags >> 9) & 63) / 63) * 1.25);
	const aDc = hasAlpha ? (at(5) & 15) / 15 : 1;
	const aAc = hasAlpha ? channel(5, 5, (at(5) >> 4) / 15) : [];
	return paint({ lx, ly, lDc, pDc, qDc, aDc, lAc, pAc, qAc, aAc, size, hasAlpha });
}

type Terms = {
	lx: number;
	ly: number;
	lDc: number;
	pDc: number;
	qDc: number;
	aDc: number;
	lAc: number[];
	pAc: number[];
	qAc: number[];
	aAc: number[];
	size: number;
	hasAlpha: boolean;
};

function paint(t: Terms): Pixels {
	const ratio = t.lx / t.ly;
	const width = Math.max(1, Math.round(ratio > 1 ? t.size : t.size * ratio));
	const height = Math.max(1, Math.round(ratio > 1 ? t.size / ratio : t.size));
	const rgba = new Uint8ClampedArray(width * height * 4);
	const fx = cosines(width, Math.max(t.lx, t.hasAlpha ? 5 : 3));
	const fy = cosines(height, Math.max(t.ly, t.hasAlpha ? 5 : 3));
	// Waves down first, one row at a time; then each pixel adds only the waves across.
	const [l, p, q, alpha] = [new Float32Array(t.lx), new Float32Array(3), new Float32Array(3), new Float32Array(5)];
	for (let y = 0, i = 0; y < height; y++) {
		across(l, t.lAc, t.ly, fy, y);
		across(p, t.pAc, 3, fy, y);
		across(q, t.qAc, 3, fy, y);
		if (t.hasAlpha) across(alpha, t.aAc, 5, fy, y);
		for (let x = 0; x < width; x++, i += 4) {
			const light = t.lDc + along(l, fx, x);
			const yellow = t.pDc + along(p, fx, x);
			const red = t.qDc + along(q, fx, x);
			put(rgba, i, light, yellow, red);
			rgba[i + 3] = (t.aDc + (t.hasAlpha ? along(alpha, fx, x) : 0)) * 255;
		}
	}
	return { width, height, rgba };
}

/** What each wave across weighs in row `y`. */
function across(out: Float32Array, terms: readonly number[], ny: number, fy: readonly Float32Array[], y: number) {
	out.fill(0);
	const nx = out.length;
	let j = 0;
	for (let cy = 0; cy < ny; cy++) {
		const wave = (fy[cy]?.[y] ?? 0) * 2;
		for (let cx = cy ? 0 : 1; cx * ny < nx * (ny - cy); cx++) out[cx] = (out[cx] ?? 0) + (terms[j++] ?? 0) * wave;
	}
}

function along(weights: Float32Array, fx: readonly Float32Array[], x: number): number {
	let total = 0;
	for (let cx = 0; cx < weights.length; cx++) total += (weights[cx] ?? 0) * (fx[cx]?.[x] ?? 0);
	return total;
}

/** Luminance and the two colour differences of the format, as red, green and blue. */
function put(rgb: Uint8ClampedArray | number[], i: number, l: number, p: number, q: number) {
	const b = l - (2 / 3) * p;
	const r = (3 * l - b + q) / 2;
	rgb[i] = r * 255;
	rgb[i + 1] = (r - q) * 255;
	rgb[i + 2] = b * 255;
}

/** Red, green and blue of the whole picture; cheap, because only its head is read. Null when the text is no thumbhash. */
export function mean(base64: string): [number, number, number] | null {
	let bytes: Uint8Array;
	try {
		bytes = fromBase64(base64.slice(0, 4));
	} catch {
		return null;
	}
	if (bytes.length < 3) return null;
	const head = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16);
	const rgb: [number, number, number] = [0, 0, 0];
	put(rgb, 0, (head & 63) / 63, ((head >> 6) & 63) / 31.5 - 1, ((head >> 12) & 63) / 31.5 - 1);
	return rgb.map((each) => Math.min(255, Math.max(0, each))) as [number, number, number];
}

function cosines(samples: number, terms: number): Float32Array[] {
	return Array.from({ length: terms }, (_, c) =>
		Float32Array.from({ length: samples }, (_, s) => Math.cos((Math.PI / samples) * (s + 0.5) * c))
	);
}
