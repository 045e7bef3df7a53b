import { defineConfig } from '@playwright/test';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// With CALOTYPE_URL the flows run against that server, which must be a fresh one; without, they start their own.
const given = process.env.CALOTYPE_URL;
const port = process.env.CALOTYPE_PORT ?? '23939';
const home = given ? '' : mkdtempSync(join(tmpdir(), 'calotype-flows-'));

export default defineConfig({
	testDir: 'tests/flows',
	timeout: 90_000,
	workers: 1,
	fullyParallel: false,
	reporter: 'list',
	outputDir: 'test-results',
	use: {
		baseURL: given ?? `http://127.0.0.1:${port}`,
		locale: 'en-GB',
		launchOptions: {
			// Debian's Chromium; Playwright's own browsers are not downloaded.
			executablePath: process.env.CALOTYPE_CHROMIUM ?? '/usr/bin/chromium',
			args: ['--no-sandbox']
		}
	},
	webServer: given
		? undefined
		: {
				command: process.env.CALOTYPE_COMMAND ?? '../.venv/bin/calotype run',
				url: `http://127.0.0.1:${port}/api/server/ping`,
				timeout: 120_000,
				gracefulShutdown: { signal: 'SIGTERM', timeout: 20_000 },
				env: { ...process.env, CALOTYPE_PORT: port, CALOTYPE_HOST: '127.0.0.1', CALOTYPE_DATA: join(home, 'data'), CALOTYPE_MEDIA: join(home, 'media') } as Record<string, string>
			}
});
