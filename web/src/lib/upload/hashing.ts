// The page's end of the hashing worker.

import type { HashAnswer, HashRequest } from './hash.worker';
import HashWorker from './hash.worker?worker';

type Waiting = { done: (hash: string) => void; fail: (problem: Error) => void; progress: (share: number) => void };

let worker: Worker | null = null;
let nextId = 1;
const waiting = new Map<number, Waiting>();

function start(): Worker {
	const made = new HashWorker();
	made.onmessage = ({ data }: MessageEvent<HashAnswer>) => {
		const asked = waiting.get(data.id);
		if (!asked) return;
		if (data.progress !== undefined) return asked.progress(data.progress);
		waiting.delete(data.id);
		if (data.hash !== undefined) asked.done(data.hash);
		else asked.fail(new Error(data.problem ?? 'The file could not be read.'));
	};
	return made;
}

/** SHA-1 of the file in hex. `progress` hears shares from 0 to 1 for large files. */
export function sha1Of(file: File, progress: (share: number) => void): Promise<string> {
	worker ??= start();
	const id = nextId++;
	return new Promise((done, fail) => {
		waiting.set(id, { done, fail, progress });
		worker?.postMessage({ id, file } satisfies HashRequest);
	});
}
