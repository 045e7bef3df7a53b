import { defineConfig } from '@playwright/test';

// `npm run flows` (scripts/flows.mjs) finds the browser and starts the server, one for all flows.
const url = process.env.CALOTYPE_URL;
if (!url) throw new Error('Start the flows with `npm run flows`, or say in CALOTYPE_URL where a fresh server is.');

export default defineConfig({
	testDir: 'tests/flows',
	// Patient, because they also run beside other work on small machines.
	timeout: 120_000,
	expect: { timeout: 15_000 },
	workers: 1,
	fullyParallel: false,
	forbidOnly: true,
	reporter: 'list',
	outputDir: 'test-results',
	use: {
		baseURL: url,
		locale: 'en-GB',
		launchOptions: {
			// The machine's own Chromium; Playwright's browsers are not downloaded.
			executablePath: process.env.CALOTYPE_CHROMIUM ?? '/usr/bin/chromium',
			args: ['--no-sandbox']
		}
	}
});
