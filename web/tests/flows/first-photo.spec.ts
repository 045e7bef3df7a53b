// One photo all the way: sign up, upload, browse, look, throw away, restore.

import { expect, test, type Page } from '@playwright/test';
import { isAccessible as check } from './axe';
import { ADA } from './people';
import { paint } from './pictures';

test.describe.configure({ mode: 'serial' });

let page: Page;
const problems: string[] = [];

test.beforeAll(async ({ browser }) => {
	// The service worker has flows of its own; here each request is seen as it is made.
	page = await browser.newPage({ serviceWorkers: 'block' });
	page.on('pageerror', (problem) => problems.push(problem.message));
	page.on('console', (line) => {
		if (line.text().includes('Content Security Policy')) problems.push(line.text());
	});
	page.on('request', (request) => {
		const url = new URL(request.url());
		if (/^(https?|wss?):$/.test(url.protocol) && url.hostname !== new URL(page.url()).hostname && page.url() !== 'about:blank') problems.push(`left the house: ${url.href}`);
	});
});

test.afterAll(async () => {
	await page.close();
	expect(problems).toEqual([]);
});

const tiles = () => page.locator('a[data-photo]');

const isAccessible = (where: string) => check(page, where);

test('the first visitor becomes the administrator in three steps', async () => {
	await page.goto('/');
	await expect(page).toHaveURL(/\/auth\/register/);
	await isAccessible('sign-up');
	await page.getByLabel('Name').fill(ADA.name);
	await page.getByLabel('E-mail').fill(ADA.email);
	await page.getByLabel('Password').fill(ADA.password);
	await page.getByRole('button', { name: 'Create account' }).click();
	await expect(page.getByText('Where photos live')).toBeVisible();
	await expect(page.getByText(/free of/)).toBeVisible();
	await page.getByRole('button', { name: 'Continue' }).click();
	await page.getByRole('link', { name: 'Later' }).click();
	await expect(page.getByText('Your photos will be here')).toBeVisible();
});

test('picked photos are sent, prepared and appear by themselves', async () => {
	const pictures = [await paint(page, 'one.jpg', 10), await paint(page, 'two.jpg', 120), await paint(page, 'three.jpg', 240)];
	await page.locator('input[type=file]').first().setInputFiles(pictures);
	await expect(page.getByText('3 files are here')).toBeVisible({ timeout: 30_000 });
	await expect(tiles()).toHaveCount(3, { timeout: 60_000 });
	await expect(page.locator('a[data-photo] img.loaded')).toHaveCount(3, { timeout: 60_000 });
	await isAccessible('timeline');
});

test('a photo that is here already is told, with the way to it', async () => {
	await page.getByRole('button', { name: 'Close' }).first().click();
	await page.locator('input[type=file]').first().setInputFiles([await paint(page, 'again.jpg', 120), { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('words') }]);
	await expect(page.getByText('“notes.txt” is not a photo or video we know.')).toBeVisible();
	await expect(page.getByRole('link', { name: 'Already here' })).toHaveAttribute('href', /\/photos\/[0-9a-f-]{36}/);
	await page.getByRole('button', { name: 'Close' }).last().click();
});

test('the keyboard opens, turns and leaves a photo, and focus stays with it', async () => {
	await tiles().first().focus();
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(/\/photos\/[0-9a-f-]{36}/);
	await expect(page.getByText('1 of 3', { exact: true })).toBeVisible();
	await page.keyboard.press('ArrowRight');
	await expect(page.getByText('2 of 3', { exact: true })).toBeVisible();
	await page.keyboard.press('i');
	await expect(page.getByText(/640 × /)).toBeVisible();
	for (let press = 0; press < 30; press++) {
		await page.keyboard.press('Tab');
		expect(await page.evaluate(() => document.activeElement?.closest('nav')), 'what the viewer covers has no focus').toBeNull();
	}
	await page.getByRole('dialog').focus();
	await isAccessible('viewer');
	await page.keyboard.press('i');
	await page.keyboard.press('Escape');
	await expect(page).toHaveURL(/\/photos$/);
	await expect(tiles().nth(1)).toBeFocused();
});

test('a description is kept', async () => {
	await tiles().first().click();
	await page.keyboard.press('i');
	await page.getByPlaceholder('Add a description').fill('Red evening');
	await page.keyboard.press('Escape');
	await page.reload();
	await expect(page.getByPlaceholder('Add a description')).toHaveValue('Red evening');
	await page.keyboard.press('i');
	await page.getByRole('button', { name: 'Back' }).click();
	await expect(page).toHaveURL(/\/photos$/);
});

test('the trash takes, undo gives back, and the trash page restores', async () => {
	await expect(tiles()).toHaveCount(3);
	await tiles().first().focus();
	await page.keyboard.press('Delete');
	await expect(tiles()).toHaveCount(2);
	await page.getByRole('button', { name: 'Undo' }).click();
	await expect(tiles()).toHaveCount(3);
	await tiles().first().focus();
	await page.keyboard.press('Delete');
	await expect(tiles()).toHaveCount(2);
	await page.keyboard.press('g');
	await page.keyboard.press('t');
	await expect(page).toHaveURL(/\/trash/);
	await expect(tiles()).toHaveCount(1);
	await isAccessible('trash');
	await tiles().first().focus();
	await page.keyboard.press('r');
	await expect(page.getByText('The trash is empty')).toBeVisible();
	await page.goto('/photos');
	await expect(tiles()).toHaveCount(3);
});

test('pulling the mouse from a check mark chooses what it passes', async () => {
	await tiles().first().hover();
	await page.locator('[data-mark]').first().hover();
	await page.mouse.down();
	await tiles().nth(1).hover();
	await tiles().nth(2).hover();
	await page.mouse.up();
	await expect(page.getByText('3 selected')).toBeVisible();
	await page.keyboard.press('Escape');
	await expect(page.getByText('3 selected')).toBeHidden();
});

test('favourites and the archive are where they say', async () => {
	await tiles().first().focus();
	await page.keyboard.press('f');
	await page.getByRole('link', { name: 'Favourites' }).first().click();
	await expect(tiles()).toHaveCount(1);
	await page.getByRole('link', { name: 'Photos' }).first().click();
	await tiles().nth(1).focus();
	await page.keyboard.press('a');
	await expect(tiles()).toHaveCount(2);
	await page.getByRole('link', { name: 'Archive' }).first().click();
	await expect(tiles()).toHaveCount(1);
	await tiles().first().focus();
	await page.keyboard.press('a');
	await expect(page.getByText('Nothing archived')).toBeVisible();
});

test('the locked folder opens with a PIN only', async () => {
	await page.goto('/photos');
	await tiles().last().hover();
	await page.locator('[data-mark]').last().click();
	await page.getByRole('button', { name: 'Move to locked folder' }).click();
	await expect(tiles()).toHaveCount(2);
	await page.goto('/locked');
	await page.getByLabel('PIN', { exact: true }).fill('123456');
	await page.getByLabel('PIN again').fill('123456');
	await isAccessible('PIN');
	await page.getByRole('button', { name: 'Set PIN' }).click();
	await expect(tiles()).toHaveCount(1);
	await page.getByRole('button', { name: 'Lock again' }).click();
	await expect(page).toHaveURL(/\/photos$/);
	await page.goto('/locked');
	await expect(page.getByText('These photos open with your PIN.')).toBeVisible();
});

test('an upload cut off by a reload goes on by itself', async () => {
	await page.goto('/photos');
	const pictures = [await paint(page, 'four.jpg', 60), await paint(page, 'five.jpg', 300)];
	await page.route('**/api/assets', () => {});
	await page.locator('input[type=file]').first().setInputFiles(pictures);
	await expect(page.getByText('Uploading 2 files').first()).toBeVisible();
	page.once('dialog', (dialog) => void dialog.accept());
	await page.reload();
	await page.unroute('**/api/assets');
	await expect(page.getByText('2 files are here')).toBeVisible({ timeout: 30_000 });
	await expect(tiles()).toHaveCount(4, { timeout: 60_000 });
});

test('search finds by description and by file name', async () => {
	await page.goto('/search');
	await page.getByRole('combobox', { name: 'Search', exact: true }).fill('red even');
	await page.keyboard.press('Enter');
	await expect(tiles().first()).toContainText('Red evening');
	await isAccessible('search for everything');
	await page.getByRole('button', { name: 'Filters' }).click();
	await page.getByLabel('Search in').selectOption('File name');
	await page.getByRole('combobox', { name: 'Search', exact: true }).fill('two');
	await page.keyboard.press('Enter');
	await expect(page.getByText('1 found')).toBeVisible();
	await isAccessible('search');
	// The filters stay as they are being set, and so does whoever sets them.
	await page.getByLabel('Kind').focus();
	await page.getByLabel('Kind').selectOption('Videos');
	await expect(page.getByText('Nothing found')).toBeVisible();
	await expect(page.getByLabel('Kind')).toBeFocused();
	await page.getByRole('button', { name: 'Clear filters' }).click();
	await expect(page).toHaveURL(/\/search\?q=two$/);
	await page.getByRole('button', { name: 'Filters', exact: true }).focus();
	await page.keyboard.press('/');
	await expect(page.getByRole('combobox', { name: 'Search', exact: true })).toBeFocused();
	await page.keyboard.press('Delete');
	await expect(page).toHaveURL(/\/search$/);
	await page.goBack();
	await expect(page).toHaveURL(/q=red\+even/);
});

test('the administrator sees queues and storage', async () => {
	await page.goto('/admin');
	await expect(page.getByText('Reading metadata')).toBeVisible();
	await expect(page.getByText(/free$/)).toBeVisible();
	await page.getByRole('button', { name: 'Examine' }).click();
	await expect(page.getByText(/PostgreSQL/)).toBeVisible({ timeout: 30_000 });
	await isAccessible('administration');
	await page.setViewportSize({ width: 390, height: 844 });
	const cut = () => page.locator('.wide-table, main').evaluateAll((all) => all.filter((each) => each.scrollWidth > each.clientWidth || (each.matches('main') && each.scrollHeight > each.clientHeight)).map((each) => each.textContent?.slice(0, 40)));
	await expect.poll(cut, 'nothing is out of sight on a phone').toEqual([]);
	await page.setViewportSize({ width: 1280, height: 720 });
});

test('the account page makes a key and shows it once', async () => {
	await page.goto('/account');
	await page.getByLabel('Name').last().fill('Test key');
	await page.getByRole('button', { name: 'Create key' }).click();
	await expect(page.getByText('It is shown this once')).toBeVisible();
	await isAccessible('account');
});

test('signing out closes the door, and signing in comes back to the page', async () => {
	await page.goto('/archive');
	await page.getByRole('button', { name: /Account of/ }).click();
	await page.getByRole('menuitem', { name: 'Sign out' }).click();
	await expect(page).toHaveURL(/\/auth\/login/);
	await isAccessible('sign-in');
	await page.getByLabel('E-mail').fill(ADA.email);
	await page.getByLabel('Password').fill('not the password');
	await page.getByRole('button', { name: 'Sign in' }).click();
	await expect(page.getByText('E-mail or password is not right.')).toBeVisible();
	await page.getByLabel('Password').fill(ADA.password);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await expect(page).toHaveURL(/\/archive/);
});
