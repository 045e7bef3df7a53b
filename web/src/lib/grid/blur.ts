// Paints thumbhashes on tiny canvases; CSS stretches them. No encoding, no request. A screen full of them takes longer
// than a frame, so they are painted few at a time, and a tile shows its mean colour until its turn comes.

import { decode, mean } from './thumbhash';

const SLICE_MS = 5;

type Job = { canvas: HTMLCanvasElement; hash: string };
const waiting = new Set<Job>();
let isDue = false;

function paintSome() {
	const end = performance.now() + SLICE_MS;
	for (const job of waiting) {
		waiting.delete(job);
		paint(job);
		if (performance.now() > end) break;
	}
	isDue = waiting.size > 0;
	if (isDue) requestAnimationFrame(paintSome);
}

function paint({ canvas, hash }: Job) {
	const pixels = decode(hash);
	if (!pixels) return;
	canvas.width = pixels.width;
	canvas.height = pixels.height;
	canvas.getContext('2d')?.putImageData(new ImageData(pixels.rgba, pixels.width, pixels.height), 0, 0);
}

export function blur(hash: string) {
	return (canvas: HTMLCanvasElement) => {
		const job = { canvas, hash };
		waiting.add(job);
		if (!isDue) requestAnimationFrame(() => requestAnimationFrame(paintSome));
		isDue = true;
		return () => waiting.delete(job);
	};
}

/** The picture's mean colour for CSS; null when the text is no thumbhash. */
export function tint(hash: string): string | null {
	const colour = mean(hash);
	return colour && `rgb(${colour.map(Math.round).join(' ')})`;
}
