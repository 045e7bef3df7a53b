// Photos for the flows, painted by the browser itself: no files in the repository, each one different.

import type { Page } from '@playwright/test';

export type Picture = { name: string; mimeType: string; buffer: Buffer };

export async function paint(page: Page, name: string, hue: number): Promise<Picture> {
	const base64 = await page.evaluate(async (h) => {
		const canvas = new OffscreenCanvas(640, 420 + h);
		const context = canvas.getContext('2d');
		if (!context) throw new Error('no canvas');
		const sky = context.createLinearGradient(0, 0, 640, 480);
		sky.addColorStop(0, `hsl(${h} 70% 60%)`);
		sky.addColorStop(1, `hsl(${h + 90} 70% 30%)`);
		context.fillStyle = sky;
		context.fillRect(0, 0, canvas.width, canvas.height);
		const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 })).arrayBuffer());
		return btoa(String.fromCharCode(...bytes));
	}, hue);
	return { name, mimeType: 'image/jpeg', buffer: Buffer.from(base64, 'base64') };
}
