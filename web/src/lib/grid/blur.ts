// Paints a thumbhash on a tiny canvas; CSS stretches it. No encoding, no request.

import { decode } from './thumbhash';

export function blur(hash: string) {
	return (canvas: HTMLCanvasElement) => {
		const pixels = decode(hash);
		if (!pixels) return;
		canvas.width = pixels.width;
		canvas.height = pixels.height;
		canvas.getContext('2d')?.putImageData(new ImageData(pixels.rgba, pixels.width, pixels.height), 0, 0);
	};
}
