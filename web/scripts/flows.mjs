// Runs the flows in a real browser against a server of their own: `npm run flows [playwright's arguments]`.
// With CALOTYPE_URL against that server, which must be a fresh one. Ends what it started, by its process id.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const START_S = 120;
const STOP_S = 30;
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const here = join(import.meta.dirname, '..');

/** A browser of this machine; none is ever downloaded. */
function browser() {
	const wanted = process.env.CALOTYPE_CHROMIUM;
	if (wanted) {
		if (existsSync(wanted)) return wanted;
		console.error(`CALOTYPE_CHROMIUM says ${wanted}, and there is no such file.`);
		process.exit(1);
	}
	const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin'];
	return folders.flatMap((folder) => BROWSERS.map((name) => join(folder, name))).find((path) => existsSync(path));
}

function freePort() {
	return new Promise((done, fail) => {
		const probe = createServer();
		probe.on('error', fail);
		probe.listen(0, '127.0.0.1', () => {
			const { port } = probe.address();
			probe.close(() => done(port));
		});
	});
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function answers(url, server) {
	for (const end = Date.now() + START_S * 1000; Date.now() < end; await sleep(200)) {
		if (server.exitCode !== null) return false;
		if (await fetch(`${url}/api/server/ping`).then((answer) => answer.ok, () => false)) return true;
	}
	return false;
}

async function start(folder) {
	const url = `http://127.0.0.1:${await freePort()}`;
	const environment = { ...process.env, CALOTYPE_PORT: new URL(url).port, CALOTYPE_HOST: '127.0.0.1', CALOTYPE_DATA: join(folder, 'data'), CALOTYPE_MEDIA: join(folder, 'media'), CALOTYPE_LOG_LEVEL: 'warning', CALOTYPE_INFERENCE_FETCH: 'false' };
	// The models that come with Calotype are enough here: none is fetched.
	// Whatever else the caller's server uses is not for tests, and what is for us is unknown to it.
	for (const name of ['CALOTYPE_DATABASE_URL', 'CALOTYPE_REDIS_URL', 'CALOTYPE_INFERENCE_URL', 'CALOTYPE_COMMAND', 'CALOTYPE_CHROMIUM']) delete environment[name];
	const [program, ...words] = (process.env.CALOTYPE_COMMAND ?? join(here, '../.venv/bin/calotype') + ' run').split(' ');
	const log = [];
	const server = spawn(program, words, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
	for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => log.push(text));
	server.on('error', (problem) => log.push(String(problem)));
	return { url, server, log };
}

async function stop(server) {
	if (server.exitCode !== null || server.signalCode !== null) return;
	const over = new Promise((done) => server.once('exit', done));
	server.kill('SIGTERM');
	await Promise.race([over, sleep(STOP_S * 1000).then(() => server.kill('SIGKILL'))]);
}

function play(url, chromium) {
	return new Promise((done) => {
		const cli = join(here, 'node_modules/@playwright/test/cli.js');
		const environment = { ...process.env, CALOTYPE_URL: url, CALOTYPE_CHROMIUM: chromium };
		const tests = spawn(process.execPath, [cli, 'test', ...process.argv.slice(2)], { cwd: here, env: environment, stdio: 'inherit' });
		for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => tests.kill(signal));
		tests.on('exit', (code) => done(code ?? 1));
	});
}

const chromium = browser();
if (!chromium) {
	console.log('SKIPPED: the flows in a browser. There is no Chromium here and only root can install one (apt install chromium); CALOTYPE_CHROMIUM may name another.');
	process.exit(0);
}
const version = spawnSync(chromium, ['--version'], { encoding: 'utf8' });
console.log(`Flows in ${(version.stdout ?? '').trim() || chromium}`);
let code = 1;
if (process.env.CALOTYPE_URL) code = await play(process.env.CALOTYPE_URL, chromium);
else {
	const folder = await mkdtemp(join(tmpdir(), 'calotype-flows-'));
	const { url, server, log } = await start(folder);
	try {
		if (await answers(url, server)) code = await play(url, chromium);
		else console.error(`The server of the flows did not start.\n${log.join('').slice(-4000)}`);
	} finally {
		await stop(server);
		if (code !== 0) console.error(`What the server said last:\n${log.join('').slice(-4000)}`);
		await rm(folder, { recursive: true, force: true, maxRetries: 5 });
	}
}
process.exit(code);
