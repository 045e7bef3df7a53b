// What the inference service sees becomes findable: looks, words, faces, copies. With the small models that come along.

import { expect, test, type Page } from '@playwright/test';
import { isAccessible } from './axe';
import { drawn } from './drawn';
import { ADA, signIn } from './people';

test.describe.configure({ mode: 'serial' });

let page: Page;
const ids = new Map<string, string>();
const problems: string[] = [];
const LOOKED_MS = 90_000;

const tiles = () => page.locator('a[data-photo]');
const tileOf = (name: string) => page.locator(`a[data-photo="${ids.get(name)}"]`);
const box = () => page.getByRole('combobox', { name: 'Search', exact: true });

async function get<T>(path: string): Promise<T> {
	return (await (await page.request.get(path)).json()) as T;
}

async function searchFor(words: string) {
	await page.goto('/search');
	await box().fill(words);
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(/\?q=/);
}

test.beforeAll(async ({ browser }) => {
	page = await browser.newPage({ serviceWorkers: 'block' });
	page.on('pageerror', (problem) => problems.push(problem.message));
	await signIn(page.request, ADA);
	type Tree = { machineLearning: { clip: { modelName: string }; facialRecognition: { modelName: string; minFaces: number } } };
	const tree = await get<Tree>('/api/system-config');
	tree.machineLearning.clip.modelName = 'calotype-toy__shapes';
	tree.machineLearning.facialRecognition.modelName = 'calotype-toy__faces';
	tree.machineLearning.facialRecognition.minFaces = 2;
	expect((await page.request.put('/api/system-config', { data: tree })).ok()).toBe(true);
	for (const [name, buffer] of drawn()) {
		const at = `2024-03-${String(ids.size + 1).padStart(2, '0')}T10:00:00.000Z`;
		const sent = await page.request.post('/api/assets', { multipart: { fileCreatedAt: at, fileModifiedAt: at, assetData: { name, mimeType: 'image/jpeg', buffer } } });
		ids.set(name, ((await sent.json()) as { id: string }).id);
	}
});

test.afterAll(async () => {
	await page.request.delete('/api/assets', { data: { ids: [...ids.values()], force: true } });
	await page.close();
	expect(problems).toEqual([]);
});

test('a red circle is found by what it shows, and more like it', async () => {
	const first = async () => {
		const answer = await page.request.post('/api/search/smart', { data: { query: 'a red circle', size: 1 } });
		return answer.ok() ? ((await answer.json()) as { assets: { items: { originalFileName: string }[] } }).assets.items[0]?.originalFileName : undefined;
	};
	await expect.poll(first, { timeout: LOOKED_MS }).toBe('IMG_0001.jpg');
	await searchFor('a red circle');
	await expect(tiles().first()).toHaveAttribute('data-photo', ids.get('IMG_0001.jpg') ?? '');
	await expect(tiles().first()).toContainText('Looks like it');
	await isAccessible(page, 'results by looks');
	await tiles().first().click();
	await expect(page.getByText(/^1 of .*Looks like it/)).toBeVisible();
	await page.getByRole('button', { name: 'More like this' }).click();
	await expect(page).toHaveURL(new RegExp(`like=${ids.get('IMG_0001.jpg')}`));
	await expect(tiles().first()).toBeVisible();
	await expect(tileOf('IMG_0001.jpg')).toHaveCount(0);
	await isAccessible(page, 'more like this');
});

test('a photo is found by the words in it, which can be selected', async () => {
	type Line = { text: string };
	const id = ids.get('IMG_0004.jpg') ?? '';
	await expect.poll(async () => (await get<Line[]>(`/api/assets/${id}/ocr`)).map((line) => line.text).join(' '), { timeout: LOOKED_MS }).toMatch(/museum/i);
	await searchFor('museum');
	await expect(tiles().first()).toContainText(/Text in the picture: “.*MUSEUM/);
	await page.getByLabel('Search in').selectOption('Text in pictures');
	await expect(page.getByText('1 found')).toBeVisible();
	await tiles().first().click();
	await page.getByRole('button', { name: 'Select text' }).click();
	const words = page.locator('svg text').filter({ hasText: /museum/i });
	const line = (await words.boundingBox())!;
	await page.mouse.dblclick(line.x + line.width * 0.75, line.y + line.height / 2);
	expect(await page.evaluate(() => getSelection()?.toString() ?? '')).toMatch(/museum/i);
	await isAccessible(page, 'text in a photo');
});

test('a face gets a name, and the name leads to its photos', async () => {
	type People = { people: { id: string }[] };
	await expect.poll(async () => (await get<People>('/api/people')).people.length, { timeout: LOOKED_MS }).toBeGreaterThan(1);
	await page.goto(`/photos/${ids.get('guest 0 0.jpg')}`);
	await page.getByRole('button', { name: 'Details' }).click();
	await page.getByRole('button', { name: 'Face: Unnamed' }).click();
	await page.getByPlaceholder('Type a name').fill('Anna Berg');
	await isAccessible(page, 'who is this');
	await page.keyboard.press('Enter');
	await expect(page.getByRole('button', { name: 'Face: Anna Berg' })).toBeVisible();
	await isAccessible(page, 'faces');
	await page.goto('/people');
	await page.getByRole('link', { name: 'Anna Berg' }).click();
	await expect(tileOf('guest 0 0.jpg')).toBeVisible();
	await isAccessible(page, 'person');
	await page.goto('/search');
	await box().pressSequentially('ann');
	await expect(page.getByRole('option', { name: /Anna Berg/ })).toBeVisible();
	await isAccessible(page, 'suggestions');
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(/q=Anna\+Berg/);
	await expect(tiles().first()).toContainText('Anna Berg');
});

test('two copies become one, and two again', async () => {
	type Group = { assets: { originalFileName: string }[] };
	const isThere = async () => (await get<Group[]>('/api/duplicates')).some((group) => group.assets.some((asset) => asset.originalFileName === 'forest small.jpg'));
	await expect.poll(isThere, { timeout: LOOKED_MS }).toBe(true);
	await page.goto('/duplicates');
	const card = page.getByRole('region').filter({ hasText: 'forest small.jpg' });
	await expect(card.getByText('The same picture in another size, quality or format')).toBeVisible();
	await isAccessible(page, 'duplicates');
	await card.getByRole('button', { name: /Keep chosen, trash 1/ }).click();
	await expect(card).toHaveCount(0);
	const isTrashed = async () => (await get<{ isTrashed: boolean }>(`/api/assets/${ids.get('forest small.jpg')}`)).isTrashed;
	await expect.poll(isTrashed).toBe(true);
	await page.getByRole('button', { name: 'Undo' }).click();
	await expect(card).toHaveCount(1);
	expect(await isTrashed()).toBe(false);
});
