// Sends one file. XMLHttpRequest, because fetch cannot tell how much of a body has left.

import { sentence } from '$lib/api/client';

export type Sent = { id: string; isDuplicate: boolean };

export class SendError extends Error {
	constructor(
		readonly status: number,
		message: string,
		readonly retryAfterSeconds: number | null
	) {
		super(message);
	}

	/** Worth another try by itself: the server or its storage is away, not the file at fault. */
	get isPassing(): boolean {
		return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
	}
}

type Options = { hash: string; sidecar: File | null; progress: (bytes: number) => void; signal: AbortSignal };

export function send(file: File, { hash, sidecar, progress, signal }: Options): Promise<Sent> {
	const taken = new Date(file.lastModified).toISOString();
	const form = new FormData();
	form.set('fileCreatedAt', taken);
	form.set('fileModifiedAt', taken);
	form.set('filename', file.name);
	if (sidecar) form.set('sidecarData', sidecar, sidecar.name);
	form.set('assetData', file, file.name);
	return new Promise((done, fail) => {
		const request = new XMLHttpRequest();
		const stop = () => request.abort();
		request.open('POST', '/api/assets');
		request.setRequestHeader('x-immich-checksum', hash);
		request.setRequestHeader('Accept', 'application/json');
		request.upload.onprogress = (event) => progress(event.loaded);
		request.onload = () => {
			signal.removeEventListener('abort', stop);
			if (request.status !== 200 && request.status !== 201) return fail(refusal(request));
			const body = JSON.parse(request.responseText) as { id: string; status: string };
			done({ id: body.id, isDuplicate: body.status === 'duplicate' });
		};
		request.onerror = () => fail(new SendError(0, 'The connection was lost.', null));
		request.onabort = () => fail(new DOMException('Stopped', 'AbortError'));
		signal.addEventListener('abort', stop);
		request.send(form);
	});
}

function refusal(request: XMLHttpRequest): SendError {
	const text = sentence(request.responseText) ?? `The server answered ${request.status}.`;
	return new SendError(request.status, text, Number(request.getResponseHeader('Retry-After')) || null);
}
