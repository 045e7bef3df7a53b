// A stand-in for the server, for looking at screens without one: contract-shaped answers, painted thumbnails.
//   node tests/mock/server.mjs [port] [photos] [--new]     (after `npm run build`)
import { createServer } from 'node:http';
import { readFileSync, existsSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';

const PORT = Number(process.argv[2] ?? 4180);
const COUNT = Number(process.argv[3] ?? 4000);
const ROOT = new URL('../../../calotype/web_build/', import.meta.url).pathname;
const PICTURES = process.env.MOCK_PICTURES ?? '';
let isNew = process.argv.includes('--new');
let isAway = false;

const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.webmanifest': 'application/manifest+json', '.html': 'text/html' };
const CITIES = [['Lisbon', 'Portugal'], ['Porto', 'Portugal'], ['Reykjavík', 'Iceland'], [null, null], ['Kyoto', 'Japan'], ['Bergen', 'Norway'], [null, 'France'], ['Wien', 'Austria']];
const RATIOS = [1.333, 1.5, 0.75, 1.333, 0.667, 1.778, 1, 1.333, 1.5, 0.75, 2.4];
const OWNER = '11111111-1111-4111-8111-111111111111';

/** A number from a number, always the same one. */
const roll = (n) => {
	let h = Math.imul(Math.floor(n * 64) ^ 0x9e3779b9, 0x85ebca6b);
	h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
	return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
};
const id = (n) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
const numberOf = (text) => parseInt(text.slice(-12), 16);
const pictures = PICTURES && existsSync(PICTURES) ? readdirSync(PICTURES).filter((name) => name.endsWith('.json')).map((name) => JSON.parse(readFileSync(join(PICTURES, name), 'utf8'))) : [];
const pictureOf = (n) => pictures[Math.floor(roll(n + 0.3) * pictures.length)];

function thumbhash(n) {
	const known = pictureOf(n);
	if (known) return known.thumbhash;
	const bytes = Buffer.alloc(22);
	for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(roll(n * 31 + i) * 256);
	bytes[2] &= 0x7f;
	bytes[2] = (bytes[2] & 0x83) | (8 << 2);
	bytes[3] = 0x07 | (12 << 3);
	bytes[4] = 0x80 | (10 << 1);
	return bytes.toString('base64');
}

// Months from now back: small and large ones, some missing, as a life has them.
const months = [];
for (let left = COUNT, i = 0, next = 0; left > 0; i++) {
	const date = new Date(Date.UTC(2026, 10 - i, 1));
	const want = COUNT > 100_000 ? 1500 + Math.floor(roll(i) * 2500) : Math.floor(roll(i + 7) ** 3 * 320);
	const count = Math.min(left, i > 470 ? left : want);
	left -= count;
	if (count === 0) continue;
	months.push({ key: date.toISOString().slice(0, 10), date, count, from: next });
	next += count;
}
const changes = new Map(); // n → {isFavorite, visibility, isTrashed, description, rating}
const stateOf = (n) => ({ isFavorite: roll(n + 0.9) > 0.96, visibility: 'timeline', isTrashed: false, description: '', rating: null, ...changes.get(n) });

function takenAt(month, n) {
	const days = new Date(Date.UTC(month.date.getUTCFullYear(), month.date.getUTCMonth() + 1, 0)).getUTCDate();
	const place = (n - month.from) / month.count;
	const busy = Math.max(3, Math.floor(days * 0.4));
	const day = days - Math.floor(Math.floor(place * busy) * (days / busy));
	return Date.UTC(month.date.getUTCFullYear(), month.date.getUTCMonth(), day, 20 - Math.floor(((place * busy) % 1) * 12), Math.floor(roll(n) * 60));
}

function photo(month, n) {
	const known = pictureOf(n);
	const [city, country] = CITIES[Math.floor(roll(Math.floor(n / 23)) * CITIES.length)];
	const isImage = roll(n + 0.1) > 0.06;
	return { n, id: id(n), ratio: known?.ratio ?? RATIOS[Math.floor(roll(n + 0.5) * RATIOS.length)], taken: takenAt(month, n), city, country, isImage, live: isImage && roll(n + 0.2) > 0.93 ? id(n) : null, durationMs: isImage ? null : 4000 + Math.floor(roll(n) * 200000) };
}

const monthOf = (n) => months.findLast((month) => month.from <= n) ?? months[0];
const matches = (query) => (n) => {
	const state = stateOf(n);
	if ((query.get('isTrashed') === 'true') !== state.isTrashed) return false;
	if (query.get('visibility') && query.get('visibility') !== state.visibility) return false;
	return query.get('isFavorite') !== 'true' || state.isFavorite;
};
const isWhole = (query) => query.get('visibility') === 'timeline' && query.get('isFavorite') !== 'true' && query.get('isTrashed') !== 'true';

function selected(month, query) {
	const all = Array.from({ length: month.count }, (_, i) => month.from + i);
	return changes.size === 0 && isWhole(query) ? all : all.filter(matches(query));
}

function bucket(month, query) {
	const photos = selected(month, query).map((n) => photo(month, n));
	const iso = (ms) => new Date(ms - 7_200_000).toISOString().slice(0, 19);
	return {
		id: photos.map((p) => p.id), ownerId: photos.map(() => OWNER), ratio: photos.map((p) => p.ratio), isFavorite: photos.map((p) => stateOf(p.n).isFavorite),
		visibility: photos.map((p) => stateOf(p.n).visibility), isTrashed: photos.map((p) => stateOf(p.n).isTrashed), isImage: photos.map((p) => p.isImage), livePhotoVideoId: photos.map((p) => p.live),
		thumbhash: photos.map((p) => thumbhash(p.n)), projectionType: photos.map((p) => (p.ratio > 2.3 ? 'EQUIRECTANGULAR' : null)), duration: photos.map((p) => p.durationMs),
		fileCreatedAt: photos.map((p) => iso(p.taken)), createdAt: photos.map((p) => iso(p.taken)), localOffsetHours: photos.map(() => 2), city: photos.map((p) => p.city), country: photos.map((p) => p.country),
		stack: photos.map((p) => (roll(p.n + 0.7) > 0.98 ? [p.id, '4'] : null))
	};
}

function asset(n) {
	const month = monthOf(n);
	const p = photo(month, n);
	const state = stateOf(n);
	const height = 3024;
	const width = Math.round(height * p.ratio);
	const taken = new Date(p.taken).toISOString();
	return {
		id: p.id, ownerId: OWNER, type: p.isImage ? 'IMAGE' : 'VIDEO', originalPath: `/media/library/ada/${taken.slice(0, 7)}/IMG_${n}.jpg`, originalFileName: `IMG_${String(n).padStart(4, '0')}.jpg`, originalMimeType: p.isImage ? 'image/jpeg' : 'video/mp4',
		thumbhash: thumbhash(n), createdAt: taken, fileCreatedAt: new Date(p.taken - 7_200_000).toISOString(), fileModifiedAt: taken, localDateTime: taken, updatedAt: taken, isFavorite: state.isFavorite, isArchived: state.visibility === 'archive',
		isTrashed: state.isTrashed, visibility: state.visibility, duration: p.durationMs, livePhotoVideoId: p.live, people: [], tags: [], checksum: '', stack: null, isOffline: false, hasMetadata: true, duplicateId: null, resized: true, width, height, isEdited: false, libraryId: null,
		exifInfo: { make: 'FUJIFILM', model: 'X-T4', exifImageWidth: width, exifImageHeight: height, fileSizeInByte: 7_340_032, orientation: '1', dateTimeOriginal: taken, modifyDate: taken, timeZone: 'Europe/Lisbon', lensModel: 'XF23mmF1.4 R', fNumber: 1.8, focalLength: 23, iso: 160, exposureTime: '1/250', latitude: p.city ? 38.7223 : null, longitude: p.city ? -9.1393 : null, city: p.city, state: null, country: p.country, description: state.description, projectionType: null, rating: state.rating }
	};
}

/** A small landscape: sky, sun, hills; the colours by number. */
function painting(n, side) {
	const p = photo(monthOf(n), n);
	const h = side;
	const w = Math.round(side * p.ratio);
	const hue = Math.floor(roll(n) * 360);
	const hill = (k) => Array.from({ length: 9 }, (_, i) => `${(i / 8) * w},${h * (0.5 + k * 0.14) + (roll(n * 9 + i + k) - 0.5) * h * 0.22}`).join(' ');
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}"><defs><linearGradient id="s" x2="0" y2="1"><stop stop-color="hsl(${hue} 45% 62%)"/><stop offset="1" stop-color="hsl(${(hue + 40) % 360} 60% 84%)"/></linearGradient></defs><rect width="${w}" height="${h}" fill="url(#s)"/><circle cx="${roll(n + 1) * w}" cy="${h * (0.15 + roll(n + 2) * 0.3)}" r="${h * 0.08}" fill="hsl(${(hue + 60) % 360} 90% 92%)"/>${[0, 1, 2].map((k) => `<polygon points="0,${h} ${hill(k)} ${w},${h}" fill="hsl(${(hue + 170 + k * 12) % 360} 30% ${52 - k * 15}%)"/>`).join('')}</svg>`;
}

const user = { id: OWNER, email: 'ada@example.com', name: 'Ada Lind', profileImagePath: '', avatarColor: 'purple', profileChangedAt: '2026-01-01T00:00:00.000Z', storageLabel: 'admin', shouldChangePassword: false, isAdmin: true, createdAt: '2026-01-01T00:00:00.000Z', deletedAt: null, updatedAt: '2026-01-01T00:00:00.000Z', oauthId: '', quotaSizeInBytes: null, quotaUsageInBytes: 184_000_000_000, status: 'active', license: null };
const queueNames = ['thumbnailGeneration', 'metadataExtraction', 'videoConversion', 'faceDetection', 'facialRecognition', 'smartSearch', 'duplicateDetection', 'backgroundTask', 'storageTemplateMigration', 'migration', 'search', 'sidecar', 'library', 'notifications', 'backupDatabase', 'ocr', 'workflow', 'integrityCheck', 'editor'];
const paused = new Set();
const started = Date.now();
let isElevated = false;
let hasPin = false;
let isIn = !isNew;
const uploaded = new Map();
const settings = { trash: { enabled: true, days: 30 }, storageTemplate: { enabled: false, template: '{{y}}/{{y}}-{{MM}}-{{dd}}/{{filename}}' }, image: { preview: { size: 1440, quality: 80 }, fullsize: { enabled: false } }, ffmpeg: { transcode: 'required', targetResolution: '720' }, reverseGeocoding: { enabled: true }, job: { thumbnailGeneration: { concurrency: 3 }, metadataExtraction: { concurrency: 5 }, videoConversion: { concurrency: 1 } }, passwordLogin: { enabled: true }, server: { loginPageMessage: '', externalDomain: '' }, newVersionCheck: { enabled: true } };

function queues() {
	const left = Math.max(0, 2400 - Math.floor((Date.now() - started) / 100));
	return queueNames.map((name) => ({ name, isPaused: paused.has(name), statistics: { active: name === 'thumbnailGeneration' && left ? 3 : 0, completed: 0, failed: name === 'videoConversion' ? 2 : 0, delayed: 0, waiting: name === 'thumbnailGeneration' ? left : name === 'metadataExtraction' ? Math.floor(left / 40) : 0, paused: 0 } }));
}

const found = (body) => {
	const all = [];
	for (const month of months) for (let n = month.from; n < month.from + month.count && all.length < 5000; n++) {
		const p = photo(month, n);
		if (body.city && p.city !== body.city) continue;
		if (body.country && p.country !== body.country) continue;
		if (body.type && (body.type === 'IMAGE') !== p.isImage) continue;
		if (body.isFavorite && !stateOf(n).isFavorite) continue;
		if (body.originalFileName && !`IMG_${String(n).padStart(4, '0')}.jpg`.toLowerCase().includes(body.originalFileName.toLowerCase())) continue;
		all.push(n);
	}
	return all;
};

const NOTHING = Symbol('204');
const routes = [
	['GET', /^\/server\/config$/, () => ({ loginPageMessage: '', trashDays: 30, userDeleteDelay: 7, oauthButtonText: '', isInitialized: !isNew, isOnboarded: true, externalDomain: '', publicUsers: true, mapDarkStyleUrl: '', mapLightStyleUrl: '', maintenanceMode: false, minFaces: 3 })],
	['GET', /^\/server\/features$/, () => ({ trash: true, search: true, sidecar: true, reverseGeocoding: true, passwordLogin: true })],
	['GET', /^\/server\/version$/, () => ({ major: 3, minor: 2, patch: 2, prerelease: null })],
	['GET', /^\/server\/storage$/, () => ({ diskSize: '4 TiB', diskUse: '1.8 TiB', diskAvailable: '2.2 TiB', diskSizeRaw: 4_000_000_000_000, diskUseRaw: 1_810_000_000_000, diskAvailableRaw: 2_190_000_000_000, diskUsagePercentage: 45.25 })],
	['GET', /^\/server\/media-types$/, () => ({ image: ['.jpg', '.jpeg', '.png', '.heic', '.webp', '.dng'], video: ['.mp4', '.mov'], sidecar: ['.xmp'] })],
	['GET', /^\/server\/statistics$/, () => ({ photos: COUNT, videos: 120, usage: 184e9, usagePhotos: 150e9, usageVideos: 34e9, usageByUser: [{ userId: OWNER, userName: 'Ada Lind', photos: COUNT, videos: 120, usage: 184e9, usagePhotos: 150e9, usageVideos: 34e9, quotaSizeInBytes: null }] })],
	['GET', /^\/calotype\/health$/, () => ({ status: 'ok', storage: isAway ? { state: 'offline', sentence: 'The photo storage is not reachable. Your photos are safe; previews still open.', retryAfterSeconds: 20 } : { state: 'online', sentence: null, retryAfterSeconds: null }, inference: { state: 'off' } })],
	['GET', /^\/calotype\/activity$/, () => ({ processing: queues()[0].statistics.waiting })],
	['GET', /^\/calotype\/doctor$/, () => [{ name: 'Database', ok: true, sentence: 'PostgreSQL 17.2 answers in 0.4 ms.' }, { name: 'Storage', ok: true, sentence: '/media is writable, 2.2 TB free.' }, { name: 'Clock', ok: false, sentence: 'The database clock is 3 s ahead of ours.' }]],
	['GET', /^\/calotype\/assets\/(.+)\/problems$/, () => [{ step: 'Preview', reason: 'The file ends in the middle of the picture.', at: '2026-11-22T12:00:00.000Z', attempts: 3 }]],
	['POST', /^\/calotype\/assets\/(.+)\/retry$/, () => NOTHING],
	['POST', /^\/mock\/away$/, () => ((isAway = !isAway), {})],
	['POST', /^\/auth\/admin-sign-up$/, () => ((isNew = false), user)],
	['POST', /^\/auth\/login$/, (_, body) => (body.password === 'wrong-password' ? [401, { message: 'Incorrect email or password' }] : ((isIn = true), { accessToken: 'x', userId: OWNER }))],
	['POST', /^\/auth\/logout$/, () => ((isIn = false), { successful: true, redirectUri: '/auth/login?autoLaunch=0' })],
	['GET', /^\/auth\/status$/, () => ({ pinCode: hasPin, password: true, isElevated })],
	['POST', /^\/auth\/pin-code$/, () => ((hasPin = true), NOTHING)],
	['PUT', /^\/auth\/pin-code$/, () => NOTHING],
	['POST', /^\/auth\/session\/unlock$/, (_, body) => (body.pinCode === '000000' ? [400, { message: 'Wrong PIN code' }] : ((isElevated = true), NOTHING))],
	['POST', /^\/auth\/session\/lock$/, () => ((isElevated = false), NOTHING)],
	['GET', /^\/users\/me$/, () => (isIn ? user : [401, { message: 'Authentication required' }])],
	['PUT', /^\/users\/me$/, (_, body) => Object.assign(user, body)],
	['GET', /^\/sessions$/, () => [{ id: id(1), createdAt: '2026-11-01T00:00:00.000Z', updatedAt: '2026-11-22T12:00:00.000Z', current: true, deviceType: 'Chrome', deviceOS: 'Linux', appVersion: null, isPendingSyncReset: false }, { id: id(2), createdAt: '2026-10-01T00:00:00.000Z', updatedAt: '2026-11-20T08:00:00.000Z', current: false, deviceType: 'Pixel 7', deviceOS: 'Android', appVersion: '3.2.0', isPendingSyncReset: false }]],
	['DELETE', /^\/sessions/, () => NOTHING],
	['GET', /^\/api-keys$/, () => [{ id: id(3), name: 'Laptop', createdAt: '2026-09-01T00:00:00.000Z', updatedAt: '2026-09-01T00:00:00.000Z', permissions: ['all'] }]],
	['POST', /^\/api-keys$/, (_, body) => ({ secret: 'q8Ow0mQJ0bqJfJ1cUQkJc4o3b5b6gq8H5s2mZ0yYk', apiKey: { id: id(4), name: body.name, createdAt: new Date().toISOString(), updatedAt: new Date().toISOString(), permissions: body.permissions } })],
	['GET', /^\/admin\/users$/, () => [user, { ...user, id: id(5), name: 'Ben Ito', email: 'ben@example.com', avatarColor: 'green', isAdmin: false, quotaSizeInBytes: 200e9, quotaUsageInBytes: 31e9 }]],
	['GET', /^\/queues$/, () => queues()],
	['PUT', /^\/queues\/(\w+)$/, (match, body) => ((body.isPaused ? paused.add(match[1]) : paused.delete(match[1])), {})],
	['PUT', /^\/jobs\/(\w+)$/, () => ({})],
	['GET', /^\/system-config(\/defaults)?$/, () => settings],
	['PUT', /^\/system-config$/, (_, body) => Object.assign(settings, body)],
	['GET', /^\/timeline\/buckets$/, (_, __, query) => months.map((month) => ({ timeBucket: month.key, count: changes.size === 0 && isWhole(query) ? month.count : selected(month, query).length })).filter((each) => each.count > 0)],
	['GET', /^\/timeline\/bucket$/, (_, __, query) => bucket(months.find((month) => month.key === query.get('timeBucket')), query)],
	['GET', /^\/assets\/([0-9a-f-]{36})$/, (match) => asset(numberOf(match[1]))],
	['PUT', /^\/assets\/([0-9a-f-]{36})$/, (match, body) => (changes.set(numberOf(match[1]), { ...changes.get(numberOf(match[1])), ...body }), asset(numberOf(match[1])))],
	['PUT', /^\/assets$/, (_, { ids, ...body }) => (ids.forEach((each) => changes.set(numberOf(each), { ...changes.get(numberOf(each)), ...body })), NOTHING)],
	['DELETE', /^\/assets$/, (_, { ids }) => (ids.forEach((each) => changes.set(numberOf(each), { ...changes.get(numberOf(each)), isTrashed: true })), NOTHING)],
	['POST', /^\/trash\/restore\/assets$/, (_, { ids }) => (ids.forEach((each) => changes.set(numberOf(each), { ...changes.get(numberOf(each)), isTrashed: false })), { count: ids.length })],
	['POST', /^\/assets\/bulk-upload-check$/, (_, body) => ({ results: body.assets.map(({ id: key, checksum }) => (uploaded.has(checksum) ? { id: key, action: 'reject', reason: 'duplicate', assetId: uploaded.get(checksum), isTrashed: false } : { id: key, action: 'accept' })) })],
	['POST', /^\/search\/statistics$/, (_, body) => ({ total: found(body).length })],
	['POST', /^\/search\/metadata$/, (_, body) => ({ albums: { total: 0, count: 0, items: [], facets: [] }, assets: { total: 0, count: 0, items: found(body).slice((body.page - 1) * body.size, body.page * body.size).map(asset), facets: [], nextPage: null, nextCursor: null } })],
	['GET', /^\/search\/suggestions$/, (_, __, query) => ({ country: ['Austria', 'Iceland', 'Japan', 'Norway', 'Portugal'], city: ['Bergen', 'Kyoto', 'Lisbon', 'Porto', 'Reykjavík', 'Wien'], 'camera-make': ['FUJIFILM'], 'camera-model': ['X-T4'] })[query.get('type')] ?? []]
];

function reply(response, status, body, type = 'application/json', headers = {}) {
	response.writeHead(status, { 'Content-Type': type, ...headers });
	response.end(body);
}

function media(path, query, response) {
	const match = /^\/assets\/([0-9a-f-]{36})\/(thumbnail|original)$/.exec(path);
	if (!match) return false;
	const n = numberOf(match[1]);
	const known = pictureOf(n);
	const isLarge = match[2] === 'original' || query.get('size') !== 'thumbnail';
	if (known) reply(response, 200, readFileSync(join(PICTURES, isLarge ? known.preview : known.thumbnail)), isLarge ? 'image/jpeg' : 'image/webp', { 'Cache-Control': 'private, max-age=86400' });
	else reply(response, 200, painting(n, isLarge ? 1080 : 250), 'image/svg+xml', { 'Cache-Control': 'private, max-age=86400' });
	return true;
}

async function answer(request, response) {
	const url = new URL(request.url, 'http://mock');
	if (!url.pathname.startsWith('/api/')) {
		const file = join(ROOT, url.pathname);
		const isFile = extname(file) !== '' && existsSync(file);
		return reply(response, 200, readFileSync(isFile ? file : join(ROOT, 'index.html')), isFile ? (TYPES[extname(file)] ?? 'application/octet-stream') : 'text/html');
	}
	const path = url.pathname.slice(4);
	if (media(path, url.searchParams, response)) return;
	const chunks = [];
	for await (const chunk of request) chunks.push(chunk);
	if (request.method === 'POST' && path === '/assets') {
		if (isAway) return reply(response, 503, JSON.stringify({ message: 'The photo storage is not reachable. Nothing was taken; try again later.' }), 'application/json', { 'Retry-After': '5' });
		const hash = request.headers['x-immich-checksum'];
		const isDuplicate = uploaded.has(hash);
		if (!isDuplicate) uploaded.set(hash, id(uploaded.size));
		return setTimeout(() => reply(response, isDuplicate ? 200 : 201, JSON.stringify({ id: uploaded.get(hash), status: isDuplicate ? 'duplicate' : 'created' })), 800);
	}
	const route = routes.find(([method, pattern]) => method === request.method && pattern.test(path));
	if (!route) return reply(response, 404, JSON.stringify({ message: `Cannot ${request.method} ${path}` }));
	const text = Buffer.concat(chunks).toString();
	const isJson = request.headers['content-type']?.includes('json');
	const result = route[2](route[1].exec(path), isJson && text ? JSON.parse(text) : {}, url.searchParams);
	if (result === NOTHING) return reply(response, 204);
	const [status, body] = Array.isArray(result) && typeof result[0] === 'number' ? result : [200, result];
	reply(response, status, JSON.stringify(body));
}

const server = createServer((request, response) => {
	answer(request, response).catch((problem) => reply(response, 500, JSON.stringify({ message: String(problem) })));
});
server.listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT} with ${COUNT} photos`));
