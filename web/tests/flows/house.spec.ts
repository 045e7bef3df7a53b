// The rest of the house: a password of one's own, places, failures, pages read from the right, the app on a device.

import { expect, test, type Page } from '@playwright/test';
import { isAccessible } from './axe';
import { ADA, signIn } from './people';
import { paint } from './pictures';

const tiles = (page: Page) => page.locator('a[data-photo]');

async function open(page: Page, path: string) {
	await signIn(page.request, ADA);
	await page.goto(path);
}

/** Sends a photo by the API; its id. */
async function send(page: Page, name: string, buffer: Buffer): Promise<string> {
	const at = '2024-05-14T10:00:00.000Z';
	const file = { name, mimeType: 'image/jpeg', buffer };
	const sent = await page.request.post('/api/assets', { multipart: { fileCreatedAt: at, fileModifiedAt: at, assetData: file } });
	return ((await sent.json()) as { id: string }).id;
}

test.describe('with a page', () => {
	test.use({ serviceWorkers: 'block' });

	test('who came with somebody else’s password chooses their own', async ({ page, browser }) => {
		await signIn(page.request, ADA);
		const ben = { name: 'Ben Ito', email: 'ben@example.com', password: 'from the administrator' };
		expect((await page.request.post('/api/admin/users', { data: { ...ben, shouldChangePassword: true } })).ok()).toBe(true);
		const context = await browser.newContext({ serviceWorkers: 'block' });
		const his = await context.newPage();
		await his.goto('/search');
		await his.getByLabel('E-mail').fill(ben.email);
		await his.getByLabel('Password').fill(ben.password);
		await his.getByRole('button', { name: 'Sign in' }).click();
		await expect(his.getByRole('heading', { name: 'Choose your own password' })).toBeVisible();
		await isAccessible(his, 'change of password');
		await his.goto('/photos');
		await expect(his).toHaveURL(/change-password/);
		await his.getByLabel('Current password').fill(ben.password);
		await his.getByLabel('New password', { exact: true }).fill('entirely my own');
		await his.getByLabel('New password again').fill('entirely my owm');
		await his.getByRole('button', { name: 'Keep this password' }).click();
		await expect(his.getByText('The two passwords differ.')).toBeVisible();
		await his.getByLabel('New password again').fill('entirely my own');
		await his.getByRole('button', { name: 'Keep this password' }).click();
		await expect(his.getByText('Your photos will be here')).toBeVisible();
		await his.reload();
		await expect(his.getByText('Your photos will be here')).toBeVisible();
		await context.close();
	});

	test('a place is shown on a map of our own', async ({ page }) => {
		await open(page, '/photos');
		const id = await send(page, 'lisbon.jpg', (await paint(page, 'lisbon.jpg', 33)).buffer);
		expect((await page.request.put(`/api/assets/${id}`, { data: { latitude: 38.7223, longitude: -9.1393 } })).ok()).toBe(true);
		const outside: string[] = [];
		page.on('request', (request) => {
			if (new URL(request.url()).host !== new URL(page.url()).host) outside.push(request.url());
		});
		await page.goto(`/photos/${id}`);
		await page.getByRole('button', { name: 'Details' }).click();
		const map = page.getByRole('img', { name: /Map of where the photo was taken/ });
		await expect(map).toBeVisible();
		await expect.poll(async () => (await map.locator('path.land').getAttribute('d'))?.length ?? 0).toBeGreaterThan(500);
		await expect(map.getByText('Portugal')).toBeVisible();
		const wider = page.getByRole('button', { name: 'Wider' });
		while (await wider.isEnabled()) await wider.click();
		await expect(page.getByRole('button', { name: 'Wider' })).toBeDisabled();
		const streets = page.getByRole('link', { name: 'Open in a street map' });
		await expect(streets).toHaveAttribute('href', /^https:\/\/www\.openstreetmap\.org\/.*38\.72230\/-9\.13930$/);
		await expect(streets).toHaveAttribute('rel', /noreferrer/);
		await isAccessible(page, 'map');
		expect(outside).toEqual([]);
	});

	test('a broken photo says why, to its owner and to the administrator', async ({ page }) => {
		await open(page, '/photos');
		const whole = (await paint(page, 'broken.jpg', 77)).buffer;
		const id = await send(page, 'broken.jpg', Buffer.concat([whole.subarray(0, 20), Buffer.alloc(400, 7)]));
		const troubles = async () => ((await (await page.request.get(`/api/calotype/assets/${id}/problems`)).json()) as unknown[]).length;
		await expect.poll(troubles, { timeout: 60_000 }).toBeGreaterThan(0);
		await page.goto(`/photos/${id}`);
		const alert = page.getByRole('alert').first();
		await expect(alert).toBeVisible();
		await isAccessible(page, 'a photo that failed');
		const download = page.waitForEvent('download');
		await alert.getByRole('button', { name: 'Download' }).click();
		expect((await download).suggestedFilename()).toBe('broken.jpg');
		await page.goto('/admin');
		const failure = page.getByRole('listitem').filter({ hasText: 'broken.jpg' }).first();
		await expect(failure).toBeVisible();
		for (const name of ['Waiting to be prepared', 'Files added a day', 'Disk, the year ahead']) await expect(page.getByRole('img', { name: new RegExp(name) })).toBeVisible();
		await isAccessible(page, 'failures and plots');
		await failure.getByRole('button', { name: 'Try again' }).click();
		await expect(page.getByText(/started again/)).toBeVisible();
		await page.request.delete('/api/assets', { data: { ids: [id], force: true } });
	});

	test('a page read from the right is a mirror of the other', async ({ page }) => {
		await open(page, '/account');
		await page.getByLabel('Right to left').check();
		for (const hue of [15, 16]) await send(page, `mirror ${hue}.jpg`, (await paint(page, 'mirror.jpg', hue)).buffer);
		await page.goto('/photos');
		await expect(tiles(page).nth(1)).toBeVisible();
		const wall = await page.locator('.wall').boundingBox();
		const [first, second] = [await tiles(page).first().boundingBox(), await tiles(page).nth(1).boundingBox()];
		expect(Math.abs(wall!.x + wall!.width - (first!.x + first!.width))).toBeLessThan(2);
		if (Math.abs(first!.y - second!.y) < 2) expect(second!.x).toBeLessThan(first!.x);
		const name = await page.locator('button.day').first().boundingBox();
		expect(Math.abs(wall!.x + wall!.width - (name!.x + name!.width))).toBeLessThan(2);
		await tiles(page).first().focus();
		await page.keyboard.press('ArrowLeft');
		await expect(tiles(page).nth(1)).toBeFocused();
		await page.keyboard.press('ArrowRight');
		await expect(tiles(page).first()).toBeFocused();
		await page.keyboard.press('Enter');
		const where = page.getByText(/^1 of/);
		await expect(where).toBeVisible();
		expect(await where.evaluate((words) => getComputedStyle(words).unicodeBidi), 'a number before words does not change sides').toBe('plaintext');
		await page.keyboard.press('ArrowLeft');
		await expect(page.getByText(/^2 of/)).toBeVisible();
		await isAccessible(page, 'from the right');
	});

	test('the administrator’s style sheet is on every page, at once and after a change', async ({ page }) => {
		// Connected: from then on the page is told of changes.
		const connected = async () =>
			(await page.waitForEvent('websocket')).waitForEvent('framereceived', (frame) => String(frame.payload).startsWith('40'));
		let listening = connected();
		await open(page, '/photos');
		await listening;
		const accent = () => page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--accent'));
		const style = async (css: string) => {
			const tree = (await (await page.request.get('/api/system-config')).json()) as { theme: { customCss: string } };
			tree.theme.customCss = css;
			expect((await page.request.put('/api/system-config', { data: tree })).ok()).toBe(true);
		};
		await style(':root { --accent: rebeccapurple; }');
		await expect.poll(accent).toBe('rebeccapurple');
		listening = connected();
		await page.reload();
		expect(await accent()).toBe('rebeccapurple');
		await listening;
		await style('');
		await expect.poll(accent).not.toBe('rebeccapurple');
	});
});

test.describe('as an app', () => {
	async function installed(page: Page) {
		await open(page, '/photos');
		await page.evaluate(() => navigator.serviceWorker.ready);
		await send(page, 'app.jpg', (await paint(page, 'app.jpg', 140)).buffer);
		await page.reload();
		await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
	}

	test('without a server the app opens, says so, and goes on by itself', async ({ page, context }) => {
		await installed(page);
		await expect(tiles(page).first()).toBeVisible();
		await context.setOffline(true);
		await page.goto('/photos');
		await expect(page.getByRole('heading', { name: 'Calotype is not reachable' })).toBeVisible();
		await expect(tiles(page)).toHaveCount(0);
		await isAccessible(page, 'offline');
		const kept = await page.evaluate(async () => {
			const names = await caches.keys();
			return (await Promise.all(names.map(async (name) => (await (await caches.open(name)).keys()).map((each) => new URL(each.url).pathname)))).flat();
		});
		expect(kept.length).toBeGreaterThan(2);
		expect(kept.filter((path) => path.startsWith('/api'))).toEqual([]);
		await context.setOffline(false);
		await expect(tiles(page).first()).toBeVisible({ timeout: 20_000 });
	});

	test('what another app shares waits for a yes and is then sent', async ({ page }) => {
		await installed(page);
		const picture = await paint(page, 'shared.jpg', 201);
		await page.evaluate(
			({ name, base64 }) => {
				const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
				const transfer = new DataTransfer();
				transfer.items.add(new File([bytes], name, { type: 'image/jpeg' }));
				document.body.insertAdjacentHTML('beforeend', '<form action="/share" method="post" enctype="multipart/form-data"><input type="file" name="files"></form>');
				const form = [...document.forms].at(-1)!;
				form.querySelector('input')!.files = transfer.files;
				form.submit();
			},
			{ name: picture.name, base64: picture.buffer.toString('base64') }
		);
		await expect(page.getByText('Another app shared 1 file.')).toBeVisible();
		await expect(page).toHaveURL(/\/photos$/);
		await page.getByRole('button', { name: 'Add', exact: true }).click();
		await expect(page.getByText('1 file is here')).toBeVisible({ timeout: 30_000 });
		await page.reload();
		await expect(tiles(page).first()).toBeVisible();
		await expect(page.getByText('Another app shared')).toBeHidden();
	});
});
