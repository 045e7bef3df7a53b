/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="webworker" />
// Keeps the app itself, and only that, so that it opens without a server; takes what other apps share. What the API
// answers never passes through here: photos are kept by the browser's own cache, by the rules their answers carry.

import { build, files, version } from '$service-worker';
import { share } from '$lib/upload/kept';

declare const self: ServiceWorkerGlobalScope;

const CACHE = `app-${version}`;
/** An address of no page in particular: what is served for it names nobody and asks for nothing. */
const SHELL = '/index.html';
const KEPT = [SHELL, ...build.filter((path) => /\.(js|css)$/.test(path)), ...files.filter((path) => path.endsWith('.svg'))];
const PATIENCE_MS = 8_000;

type Routing = { addRoutes?: (routes: object[]) => Promise<void> };

self.addEventListener('install', (event) => {
	// Where the browser knows how, the API does not even wake this worker.
	const routing = event as Routing;
	const isRouted = routing.addRoutes?.([{ condition: { urlPattern: { pathname: '/api/*' } }, source: 'network' }]);
	const isKept = caches.open(CACHE).then((cache) => cache.addAll(KEPT.map((path) => new Request(path, { cache: 'reload', credentials: 'omit' }))));
	event.waitUntil(Promise.all([isKept, isRouted?.catch(() => undefined)]));
});

self.addEventListener('activate', (event) => {
	event.waitUntil(
		(async () => {
			for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
			await self.registration.navigationPreload?.enable();
		})()
	);
});

self.addEventListener('message', (event) => {
	if (event.data === 'take over') void self.skipWaiting();
});

self.addEventListener('fetch', (event) => {
	const url = new URL(event.request.url);
	if (url.origin !== location.origin) return;
	if (event.request.method === 'POST' && url.pathname === '/share') event.respondWith(take(event.request));
	else if (event.request.method !== 'GET' || url.pathname.startsWith('/api/')) return;
	else if (event.request.mode === 'navigate') event.respondWith(open(event));
	else if (KEPT.includes(url.pathname)) event.respondWith(kept(url.pathname).then((found) => found ?? fetch(event.request)));
});

const kept = async (path: string): Promise<Response | undefined> => (await caches.open(CACHE)).match(path);

/** The server's page; the kept one where there is no server, where a proxy stands before nothing, or none in time. */
async function open(event: FetchEvent): Promise<Response> {
	const shell = () => kept(SHELL);
	const asked = Promise.resolve(event.preloadResponse as Promise<Response | undefined>).then((answer) => answer ?? fetch(event.request));
	const late = new Promise<Response | undefined>((done) => setTimeout(() => done(shell()), PATIENCE_MS));
	try {
		const answer = await Promise.race([asked, late]);
		if (answer && (answer.status < 502 || answer.status > 504)) return answer;
		return (await shell()) ?? asked;
	} catch (thrown) {
		const found = await shell();
		if (found) return found;
		throw thrown;
	}
}

/** Keeps what another app shares, until a person says in the app that it shall be sent. */
async function take(request: Request): Promise<Response> {
	try {
		const form = await request.formData();
		const shared = form.getAll('files').filter((each): each is File => each instanceof File && each.size > 0);
		await share(shared);
		return Response.redirect('/photos?shared=here', 303);
	} catch {
		return Response.redirect('/photos?shared=lost', 303);
	}
}
