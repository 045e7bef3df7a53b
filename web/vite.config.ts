import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';

const API = process.env.CALOTYPE_URL ?? 'http://127.0.0.1:2283';

export default defineConfig({
	plugins: [sveltekit()],
	build: { target: 'es2022', assetsInlineLimit: 0 },
	worker: { format: 'es' },
	server: { proxy: { '/api': { target: API, ws: true } } },
	test: { include: ['tests/unit/**/*.test.ts'], environment: 'node' }
});
