// What axe finds on a page, in both colour schemes.

import { expect, type Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function isAccessible(page: Page, where: string) {
	for (const colorScheme of ['light', 'dark'] as const) {
		await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
		// Colours fade from one scheme to the other, each after the one it inherits from.
		await page.waitForTimeout(100);
		await page.waitForFunction(() => !document.getAnimations().some((each) => each instanceof CSSTransition && each.playState === 'running'));
		await page.evaluate(axe);
		const faults = await page.evaluate(async () => {
			type Axe = { run(options: object): Promise<{ violations: { id: string; help: string; nodes: { html: string }[] }[] }> };
			const { violations } = await (window as unknown as { axe: Axe }).axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] });
			return violations.map((each) => `${each.id}: ${each.help} — ${each.nodes[0]?.html.slice(0, 160)}`);
		});
		expect.soft(faults, `${where}, ${colorScheme}`).toEqual([]);
	}
	await page.emulateMedia({ colorScheme: 'light', reducedMotion: null });
}
