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

type Learning = { urls: string[]; facialRecognition: { minFaces: number } };

/** Changes the settings of seeing; what they were before. */
async function turn(change: (learning: Learning) => unknown): Promise<Learning> {
	const tree = await get<{ machineLearning: Learning }>('/api/system-config');
	const before = structuredClone(tree.machineLearning);
	change(tree.machineLearning);
	expect((await page.request.put('/api/system-config', { data: tree })).ok()).toBe(true);
	return before;
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
	await turn((learning) => (learning.facialRecognition.minFaces = 2));
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

test('an administrator chooses models, knowing their terms, and sees how far they are', async () => {
	await page.goto('/admin');
	const card = page.getByRole('region', { name: 'Seeing' });
	await expect(card.getByText(/of memory/)).toBeVisible();
	await isAccessible(page, 'models');
	const looks = card.getByRole('group', { name: 'Model for what photos show' });
	await expect(looks.getByRole('radio', { name: /ViT-B-32__openai/ })).toBeChecked();
	await looks.getByText('Choose another model').click();
	await expect(looks.getByRole('radio', { name: /nllb-clip-base-siglip__v1.*non-commercial/ })).toBeDisabled();
	await looks.getByRole('radio', { name: /calotype-toy__shapes/ }).click();
	const dialog = page.getByRole('dialog');
	await expect(dialog.getByText(/looked at again by calotype-toy__shapes, in the background/)).toBeVisible();
	await isAccessible(page, 'a change of model');
	await dialog.getByRole('button', { name: 'Cancel' }).click();
	await expect(looks.getByRole('radio', { name: /ViT-B-32__openai/ })).toBeChecked();
	await looks.getByRole('radio', { name: /calotype-toy__shapes/ }).click();
	await dialog.getByRole('button', { name: 'Use this model' }).click();
	await expect(looks.getByRole('radio', { name: /calotype-toy__shapes/ })).toBeChecked();
	const faces = card.getByRole('group', { name: 'Model for faces' });
	await expect(faces.getByText('Its makers allow non-commercial research only.').first()).toBeVisible();
	await faces.getByText('Choose another model').click();
	await faces.getByText(/more models/).click();
	await faces.getByRole('radio', { name: /calotype-toy__faces/ }).click();
	await dialog.getByRole('button', { name: 'Use this model' }).click();
	await expect(faces.getByRole('radio', { name: /calotype-toy__faces/ })).toBeChecked();
	const { machineLearning } = await get<{ machineLearning: { clip: { modelName: string }; facialRecognition: { modelName: string } } }>('/api/system-config');
	expect([machineLearning.clip.modelName, machineLearning.facialRecognition.modelName]).toEqual(['calotype-toy__shapes', 'calotype-toy__faces']);
	await expect(card.getByText('All looked at').first()).toBeVisible({ timeout: LOOKED_MS });
	await expect(looks.getByText(/In memory, on CPU · fp32/)).toBeVisible({ timeout: LOOKED_MS });
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
	await page.getByRole('button', { name: 'Filters' }).click();
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
	// Faster than the list: what stands in it answers nothing that was typed.
	await page.goto(`/photos/${ids.get('guest 2 0.jpg')}`);
	await page.getByRole('button', { name: 'Who is this?' }).first().click();
	await expect(page.getByRole('option', { name: 'Anna Berg' })).toBeVisible();
	await page.keyboard.insertText('Bo Lind');
	await page.keyboard.press('Enter');
	await expect(page.getByRole('button', { name: 'Face: Bo Lind' })).toBeVisible();
	await page.goto('/people');
	await page.getByRole('link', { name: 'Anna Berg' }).click();
	await expect(tileOf('guest 0 0.jpg')).toBeVisible();
	await expect(page.getByText(/^[23] photos$/), 'all their photos, not only the one they were named in').toBeVisible();
	await page.getByLabel('Born').fill('1987-05-14');
	await expect.poll(async () => (await get<{ people: { name: string; birthDate: string | null }[] }>('/api/people')).people.find(({ name }) => name === 'Anna Berg')?.birthDate).toBe('1987-05-14');
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

test('a face that nobody found is drawn by hand, and two people become one', async () => {
	await page.goto(`/photos/${ids.get('IMG_0002.jpg')}`);
	const details = page.getByRole('button', { name: 'Details' });
	await expect(details).toHaveAttribute('aria-pressed', /true|false/);
	if ((await details.getAttribute('aria-pressed')) === 'false') await details.click();
	const begin = page.getByRole('button', { name: 'Tag somebody' });
	await begin.click();
	await page.keyboard.press('Escape');
	await begin.press('Enter');
	await page.keyboard.press('ArrowRight');
	await page.keyboard.press('Enter');
	await expect(page.getByPlaceholder('Type a name')).toBeFocused();
	await page.keyboard.press('Escape');
	await begin.click();
	await expect(page.getByRole('button', { name: 'Draw a box round the face' })).toBeVisible();
	const picture = (await page.locator('.sheet').boundingBox())!;
	const at = (x: number, y: number) => [picture.x + picture.width * x, picture.y + picture.height * y] as const;
	await page.mouse.move(...at(0.3, 0.3));
	await page.mouse.down();
	await page.mouse.move(...at(0.5, 0.5), { steps: 4 });
	await page.mouse.up();
	await page.getByPlaceholder('Type a name').fill('Anna B');
	await isAccessible(page, 'a face drawn by hand');
	// Whoever is called like that is offered; it shall be somebody new this time.
	await page.getByRole('option', { name: /“Anna B”|Anna B$/ }).last().click();
	const drawnFace = page.getByRole('button', { name: 'Face: Anna B', exact: true });
	await expect(drawnFace).toBeVisible();
	const box = (await drawnFace.boundingBox())!;
	expect(Math.abs(box.x - at(0.3, 0.3)[0])).toBeLessThan(6);
	expect(Math.abs(box.width - picture.width * 0.2)).toBeLessThan(8);
	type People = { people: { id: string; name: string }[] };
	const named = async () => (await get<People>('/api/people')).people.filter(({ name }) => name).map(({ name }) => name).sort();
	expect(await named()).toEqual(['Anna B', 'Anna Berg', 'Bo Lind']);
	await page.goto('/people');
	await page.getByRole('checkbox', { name: 'Choose Bo Lind' }).click();
	await page.getByRole('button', { name: 'Hide' }).click();
	await expect(page.getByRole('link', { name: 'Bo Lind' })).toHaveCount(0);
	await page.getByRole('button', { name: 'Undo' }).click();
	await expect(page.getByRole('link', { name: 'Bo Lind' })).toBeVisible();
	for (const name of ['Anna B', 'Anna Berg']) await page.getByRole('checkbox', { name: new RegExp(`${name}$`) }).click();
	await isAccessible(page, 'people to be merged');
	await page.getByRole('button', { name: 'Merge' }).click();
	await expect(page.getByRole('dialog').getByText(/All become “Anna B/)).toBeVisible();
	await page.getByRole('dialog').getByRole('button', { name: 'Merge' }).click();
	await expect.poll(named).toHaveLength(2);
	await page.getByRole('link', { name: /^Anna/ }).first().click();
	await expect(tileOf('IMG_0002.jpg')).toBeVisible();
	await expect(tileOf('guest 0 0.jpg')).toBeVisible();
});

test('without the inference service the web says what is missing, and finds the rest', async () => {
	const nowhere = 'http://127.0.0.1:9';
	const { urls } = await turn((learning) => (learning.urls = [nowhere]));
	try {
		const storage = page.getByText('The photo storage is not reachable');
		await page.goto(`/search?like=${ids.get('IMG_0001.jpg')}&q=ships+at+sea`);
		await expect(page.getByText('What the words mean cannot be looked up right now')).toBeVisible();
		await expect(tiles().first()).toBeVisible();
		await expect(storage).toHaveCount(0);
		await isAccessible(page, 'meaning away');
		await searchFor('museum of ships');
		await expect(page.getByText('What photos show cannot be searched right now; words, people, places and dates can.')).toBeVisible();
		await expect(page.getByText('It may be here all the same.')).toBeVisible();
		await searchFor('museum');
		await expect(tileOf('IMG_0004.jpg')).toContainText(/Text in the picture/);
		await expect(storage).toHaveCount(0);
		await page.goto('/admin');
		const card = page.getByRole('region', { name: 'Seeing' });
		await expect(card.getByText(nowhere)).toBeVisible();
		await expect(card.getByText(/It is not reachable\. Away since .*Photos wait and are looked at when it is back\./)).toBeVisible();
		await isAccessible(page, 'a service that is away');
	} finally {
		await turn((learning) => (learning.urls = urls));
	}
	await expect(page.getByRole('region', { name: 'Seeing' }).getByText(/of memory/)).toBeVisible({ timeout: 30_000 });
});
