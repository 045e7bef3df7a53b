// The one place that talks HTTP. Errors become `ApiError` with the server's own sentence.

import { connection } from '$lib/state/connection.svelte';
import type { components } from './types';

export type Wire = components['schemas'];

export class ApiError extends Error {
	constructor(
		readonly status: number,
		message: string,
		readonly retryAfterSeconds: number | null = null,
		/** Which part of the house a 503 is about, where the rest goes on: `inference`. */
		readonly part: string | null = null
	) {
		super(message);
	}

	/** What photos show cannot be looked up; everything else works. */
	get isMeaningAway(): boolean {
		return this.status === 503 && this.part === 'inference';
	}

	/** The server cannot be reached at all. */
	get isOffline(): boolean {
		return this.status === 0;
	}
}

type Query = Record<string, string | number | boolean | null | undefined>;
type Options = { query?: Query; body?: unknown; signal?: AbortSignal };

export function path(route: string, query: Query = {}): string {
	const search = new URLSearchParams();
	for (const [key, value] of Object.entries(query))
		if (value !== undefined && value !== null) search.set(key, String(value));
	const text = search.toString();
	return `/api${route}${text ? `?${text}` : ''}`;
}

/** `T` is what the contract says the route answers; an empty answer gives undefined. */
async function call<T>(method: string, route: string, options: Options = {}): Promise<T> {
	const answer = await ask(method, route, options);
	if (answer.status === 204) return undefined as T;
	const text = await answer.text();
	return (text ? JSON.parse(text) : undefined) as T;
}

/** The answer, once it is known to be a good one. */
async function ask(method: string, route: string, options: Options): Promise<Response> {
	const headers: Record<string, string> = { Accept: 'application/json' };
	if (options.body !== undefined && !(options.body instanceof FormData)) headers['Content-Type'] = 'application/json';
	const body = options.body === undefined || options.body instanceof FormData ? options.body : JSON.stringify(options.body);
	let answer: Response;
	try {
		answer = await fetch(path(route, options.query), { method, headers, body, signal: options.signal });
	} catch (cause) {
		if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
		connection.lost();
		throw new ApiError(0, 'The server cannot be reached.');
	}
	connection.reached();
	if (!answer.ok) throw await refusal(answer, route);
	return answer;
}

async function refusal(answer: Response, route: string): Promise<ApiError> {
	const text = await answer.text().catch(() => '');
	const problem = sentence(text) ?? `The server answered ${answer.status}.`;
	const retry = Number(answer.headers.get('Retry-After')) || null;
	if (answer.status === 401 && !route.startsWith('/auth/') && route !== '/users/me') connection.refused(problem);
	const part = answer.headers.get('X-Calotype-Away');
	if (answer.status === 503 && !part) connection.storageAway(problem, retry);
	return new ApiError(answer.status, problem, retry, part);
}

/** The message of an error body; for a validation error, its first fault. */
export function sentence(text: string): string | null {
	try {
		const body = JSON.parse(text) as { message?: unknown; errors?: { message?: unknown; path?: unknown[] }[] };
		const fault = body.errors?.[0];
		if (fault && typeof fault.message === 'string') {
			const where = Array.isArray(fault.path) ? fault.path.join('.') : '';
			return where ? `${where}: ${fault.message}` : fault.message;
		}
		return typeof body.message === 'string' ? body.message : null;
	} catch {
		return null;
	}
}

export const api = {
	get: <T>(route: string, query?: Query, signal?: AbortSignal) => call<T>('GET', route, { query, signal }),
	post: <T = void>(route: string, body?: unknown, signal?: AbortSignal) => call<T>('POST', route, { body, signal }),
	postForBlob: async (route: string, body: unknown) => (await ask('POST', route, { body })).blob(),
	put: <T = void>(route: string, body?: unknown) => call<T>('PUT', route, { body }),
	remove: <T = void>(route: string, body?: unknown) => call<T>('DELETE', route, { body })
};

/** What to tell a person about anything that was thrown. */
export function reason(thrown: unknown): string {
	return thrown instanceof Error ? thrown.message : String(thrown);
}

export function isAbort(thrown: unknown): boolean {
	return thrown instanceof DOMException && thrown.name === 'AbortError';
}
