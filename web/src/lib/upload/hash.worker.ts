// Reads files and tells their SHA-1, off the page's thread. One file at a time; reports progress.

import { hex, Sha1 } from './sha1';

export type HashRequest = { id: number; file: File };
export type HashAnswer = { id: number; hash?: string; progress?: number; problem?: string };

/** Up to here the browser's own digest is faster and the file fits in memory without regret. */
const NATIVE_BYTES = 48 * 1024 * 1024;
const CHUNK_BYTES = 4 * 1024 * 1024;

async function digest(id: number, file: File): Promise<string> {
	// `crypto.subtle` exists only on https and localhost.
	if (file.size <= NATIVE_BYTES && globalThis.crypto?.subtle)
		return hex(new Uint8Array(await crypto.subtle.digest('SHA-1', await file.arrayBuffer())));
	const sha1 = new Sha1();
	for (let at = 0; at < file.size; at += CHUNK_BYTES) {
		sha1.update(new Uint8Array(await file.slice(at, at + CHUNK_BYTES).arrayBuffer()));
		answer({ id, progress: Math.min(1, (at + CHUNK_BYTES) / file.size) });
	}
	return hex(sha1.digest());
}

const answer = (message: HashAnswer) => postMessage(message);

addEventListener('message', async ({ data }: MessageEvent<HashRequest>) => {
	try {
		answer({ id: data.id, hash: await digest(data.id, data.file) });
	} catch (thrown) {
		answer({ id: data.id, problem: thrown instanceof Error ? thrown.message : String(thrown) });
	}
});
