import adapter from '@sveltejs/adapter-static';
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

/** @type {import('@sveltejs/kit').Config} */
export default {
	preprocess: vitePreprocess(),
	compilerOptions: { runes: true },
	kit: {
		// The Python package carries the built pages: `calotype api` serves them from there.
		adapter: adapter({ pages: '../calotype/web_build', assets: '../calotype/web_build', fallback: 'index.html', precompress: true }),
		serviceWorker: { register: false },
		paths: { relative: false },
		// One script and one style sheet: the whole is small, and a wall of photos should not wait for a chain of files.
		output: { bundleStrategy: 'single' },
		csp: {
			mode: 'hash',
			directives: {
				'default-src': ['self'],
				'script-src': ['self'],
				// The hash is SvelteKit's own route announcer (its one inline style attribute).
				'style-src': ['self', 'unsafe-hashes', 'sha256-S8qMpvofolR8Mpjy4kQvEm7m1q8clzU4dfDH0AmvZjo='],
				'img-src': ['self', 'data:', 'blob:'],
				'media-src': ['self', 'blob:'],
				'connect-src': ['self'],
				'worker-src': ['self'],
				'object-src': ['none'],
				'frame-src': ['none'],
				'base-uri': ['self'],
				'form-action': ['self']
			}
		},
		typescript: {
			config: (config) => {
				config.include.push('../tests/**/*.ts', '../playwright.config.ts');
			}
		}
	}
};
